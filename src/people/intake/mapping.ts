import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { type Refusal, refuse } from '../../shared/refusal.ts';
import { dateFormat } from './dates.ts';

/** The columns of the neutral CSV, in the order in which they are documented. */
const NEUTRAL_COLUMNS = [
  'source',
  'person_id',
  'kind',
  'first_name',
  'last_name',
  'email',
  'time_zone',
  'joined_on',
  'left_on',
  'departure_id',
  'plan_or_role',
  'seats',
  'amount',
  'currency',
  'reason_code',
  'never_contact',
  'billing_id',
  'complaint_id',
  'said_on',
  'channel',
  'words',
  'note',
  'issue',
  'gap',
  'main',
  'confidentiality',
  'names_others',
  'concerns',
  'public_consent',
] as const;

/** What a row can say: the neutral columns, and the four of a trace. */
export const FIELDS = [...NEUTRAL_COLUMNS, 'signal_id', 'signal_on', 'signal_value', 'signal_note'] as const;
export type Field = (typeof FIELDS)[number];

export const DATE_FIELDS: ReadonlySet<Field> = new Set(['joined_on', 'left_on', 'said_on', 'signal_on']);
export const NEUTRAL_DATES = ['YYYY-MM-DD', 'YYYY-MM', 'YYYY', 'YYYY-MM-DDTHH:mm:ssZ'];

const text = z
  .string({ error: 'Write this as text; put it in quotes if it looks like a number, a date or TRUE.' })
  .min(1);
const texts = z.array(text, { error: 'Write this as a list: [one, another].' }).min(1);

const fieldRule = z.union(
  [
    text,
    z.strictObject({
      /** Of several the first that isn't blank. */
      column: z.union([text, texts]),
      dates: z
        .array(
          text.refine((format) => dateFormat(format) !== null, {
            error:
              'A date format is made of YYYY, MM or M, DD or D, HH or H, mm, ss, SSS and AM: [MM/YYYY, YYYY]; or it is unix.',
          }),
        )
        .optional(),
      values: z
        .record(z.string(), z.string(), { error: 'values: what stands in the file, and what it means here.' })
        .optional(),
      /** What every value means that `values` doesn't name. Without it such a row is refused. */
      otherwise: z.string().optional(),
      blank_means: texts.optional(),
      /** A pattern that the value must fit. */
      like: z
        .string()
        .refine((pattern) => regular(pattern) !== null, { error: 'like: a regular expression.' })
        .optional(),
      /** Only what stands before, or after, the first of this: "Surname, Given" is cut at the comma. */
      before: z.string().min(1).optional(),
      after: z.string().min(1).optional(),
      /** The column holds HTML: its tags are taken off and its entities read. */
      html: z.literal(true).optional(),
      /** Placeholders that the export left open, and the column that holds what belongs there. */
      fill: z.record(text, text).optional(),
    }),
    /** Several columns as paragraphs of one text, blank ones left out. */
    z.strictObject({ join: texts, html: z.literal(true).optional() }),
    z.strictObject({ always: text }),
    z.strictObject({ text: text, unless: z.strictObject({ column: text, is: texts }).optional() }),
    z.strictObject({ via: z.enum(['plan', 'ticket', 'usage', 'survey']), column: text }),
  ],
  {
    error:
      'Write the name of a column, or one of { column, dates, values, … }, { join }, { always }, { text, unless }, { via, column }.',
  },
);
export type FieldRule = z.output<typeof fieldRule>;

const choice = z.strictObject({ column: text, is: texts });

const mapping = z.strictObject({
  /** What this mapping reads, for people. */
  name: text,
  /** Where the records come from: the first half of a person's key and of every complaint's id. */
  source: text.optional(),
  row: z.enum(['person', 'departure', 'complaint', 'signal'], {
    error: 'row says what one row is: person, departure, complaint or signal.',
  }),
  signal: z.enum(['ticket', 'usage', 'survey', 'plan']).optional(),
  /** In JSON: where the list of records is, and the list inside a record that makes one row each. */
  list: text.optional(),
  each: text.optional(),
  /** The columns without which the file is another one. Without this list, every column that the mapping reads. */
  needs: texts.optional(),
  /** Rows that are nobody's who left, or not ours to hold. They are counted, with the reason. */
  leave_out: z
    .array(
      z.strictObject({
        column: text,
        is: texts.optional(),
        is_not: texts.optional(),
        /** Another column: left out where the two are not the same. */
        differs_from: text.optional(),
        because: text,
      }),
    )
    .default([]),
  /** Columns that are not kept as facts; `metadata.*` is all that begin so. */
  drop: texts.default([]),
  /** Takes in only what is about people already known. */
  known_only: z.boolean().default(false),
  /** Values that mean "nothing was said", in any column. */
  blank_means: texts.default([]),
  fields: z.partialRecord(z.enum(FIELDS, { error: `A field is one of: ${FIELDS.join(', ')}.` }), fieldRule),
  /** The columns of a ticked list or a scale: each one that was ticked becomes a complaint with our note. */
  factors: z
    .array(
      z.strictObject({
        ticked: texts,
        not_ticked: texts,
        note: text,
        reasons: z.boolean().default(false),
        columns: z.record(
          z.string(),
          z.strictObject({
            as: text,
            gap: z.enum(['value', 'trust', 'experience', 'growth']).optional(),
            complaint: z.boolean().default(true),
          }),
        ),
      }),
    )
    .default([]),
  /** When a single ticked reason is why they left: the only one ticked, on rows where this column says so. */
  main_when: choice.optional(),
  never_contact: z.array(choice.extend({ because: z.enum(['deceased', 'dismissed', 'dispute', 'asked']) })).default([]),
});

/** How one file's columns become persons, departures, complaints and signals. */
export type Mapping = z.output<typeof mapping> & {
  /** Columns that are not in the file are no mistake: the neutral CSV. */
  optional: boolean;
};

/** Reads a mapping file. The refusal names the place in the file and says what to write. */
export function readMapping(source: string): Mapping | Refusal {
  let document: unknown;
  try {
    document = parseYaml(source);
  } catch (error) {
    return refuse('mapping', `The mapping file is not YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  const read = mapping.safeParse(document);
  if (!read.success) {
    const wrong = read.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`);
    return refuse('mapping', `The mapping file can't be used. ${wrong.join(' ')}`);
  }
  const { data } = read;
  const sentence = missing(data);
  return sentence ? refuse('mapping', `The mapping file can't be used. ${sentence}`) : { ...data, optional: false };
}

function regular(pattern: string): RegExp | null {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return null;
  }
}

function missing(data: z.output<typeof mapping>): string | null {
  if (!data.fields.person_id) return 'fields.person_id is missing: it says which person a row is about.';
  if (!data.source && !data.fields.source) return 'source is missing: it says where the records come from.';
  if (!data.fields.kind) return 'fields.kind is missing: write kind: { always: customer } or { always: employee }.';
  const unclear = data.leave_out.find((rule) => [rule.is, rule.is_not, rule.differs_from].filter(Boolean).length !== 1);
  if (unclear) return `leave_out for ${unclear.column}: write one of is, is_not and differs_from.`;
  if (data.row !== 'signal' && data.signal && data.row !== 'complaint')
    return 'signal belongs to row: signal or complaint.';
  if (data.row === 'signal') {
    if (!data.signal) return 'signal is missing: it says what the trace is (ticket, usage, survey or plan).';
    if (!data.fields.signal_id || !data.fields.signal_on) return 'fields.signal_id and fields.signal_on are needed.';
  }
  for (const [field, rule] of Object.entries(data.fields)) {
    if (typeof rule === 'object' && 'via' in rule && (field !== 'person_id' || data.row !== 'signal')) {
      return `fields.${field}: via finds the person of a signal through another signal, and belongs to person_id there.`;
    }
  }
  return null;
}

/** The neutral CSV: every column under its own name, most of them optional. */
export const NEUTRAL: Mapping = {
  name: 'the neutral CSV',
  row: 'departure',
  blank_means: [],
  fields: Object.fromEntries(
    NEUTRAL_COLUMNS.map((name) => [name, DATE_FIELDS.has(name) ? { column: name, dates: NEUTRAL_DATES } : name]),
  ),
  leave_out: [],
  drop: [],
  known_only: false,
  factors: [],
  never_contact: [],
  optional: true,
};

/** The columns of the file that a mapping reads. */
export function columnsOf(mapping: Mapping): string[] {
  const named = Object.values(mapping.fields).flatMap(columnsOfRule);
  const factors = mapping.factors.flatMap((group) => Object.keys(group.columns));
  const choices = [...mapping.never_contact, ...(mapping.main_when ? [mapping.main_when] : [])];
  const left = mapping.leave_out.flatMap((rule) => [rule.column, ...(rule.differs_from ? [rule.differs_from] : [])]);
  return [...new Set([...named, ...factors, ...choices.map((rule) => rule.column), ...left])];
}

/** The columns that a file must have to be one of this mapping. */
export function neededBy(mapping: Mapping): string[] {
  if (mapping.optional) return ['source', 'person_id', 'kind'];
  return mapping.needs ?? columnsOf(mapping);
}

export function columnsOfRule(rule: FieldRule): string[] {
  if (typeof rule === 'string') return [rule];
  if ('always' in rule) return [];
  if ('join' in rule) return rule.join;
  if ('text' in rule) return [...slots(rule.text), ...(rule.unless ? [rule.unless.column] : [])];
  if ('via' in rule) return [rule.column];
  return [...(typeof rule.column === 'string' ? [rule.column] : rule.column), ...Object.values(rule.fill ?? {})];
}

/** `Ticked: {reason_code}` names the column reason_code. */
export function slots(template: string): string[] {
  return [...template.matchAll(/\{([^{}]+)\}/g)].map((match) => match[1]!);
}
