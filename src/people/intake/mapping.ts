import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { type Refusal, refuse } from '../../shared/refusal.ts';
import { dateFormat } from './dates.ts';

/** The columns of the neutral CSV, in the order in which they are documented. */
export const NEUTRAL_COLUMNS = [
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
      column: text,
      dates: z
        .array(
          text.refine((format) => dateFormat(format) !== null, {
            error: 'A date format is made of YYYY, MM or M, DD or D, HH or H, mm and ss: [MM/YYYY, YYYY].',
          }),
        )
        .optional(),
      values: z
        .record(z.string(), z.string(), { error: 'values: what stands in the file, and what it means here.' })
        .optional(),
      blank_means: texts.optional(),
    }),
    z.strictObject({ always: text }),
    z.strictObject({ text: text, unless: z.strictObject({ column: text, is: texts }).optional() }),
    z.strictObject({ via: z.enum(['plan', 'ticket', 'usage', 'survey']), column: text }),
  ],
  {
    error:
      'Write the name of a column, or one of { column, dates, values, blank_means }, { always }, { text, unless }, { via, column }.',
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

function missing(data: z.output<typeof mapping>): string | null {
  if (!data.fields.person_id) return 'fields.person_id is missing: it says which person a row is about.';
  if (!data.source && !data.fields.source) return 'source is missing: it says where the records come from.';
  if (!data.fields.kind) return 'fields.kind is missing: write kind: { always: customer } or { always: employee }.';
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
  factors: [],
  never_contact: [],
  optional: true,
};

/** The columns of the file that a mapping reads. */
export function columnsOf(mapping: Mapping): string[] {
  const named = Object.values(mapping.fields).flatMap((rule) => {
    if (typeof rule === 'string') return [rule];
    if ('always' in rule) return [];
    if ('text' in rule) return [...slots(rule.text), ...(rule.unless ? [rule.unless.column] : [])];
    return [rule.column];
  });
  const factors = mapping.factors.flatMap((group) => Object.keys(group.columns));
  const choices = [...mapping.never_contact, ...(mapping.main_when ? [mapping.main_when] : [])];
  return [...new Set([...named, ...factors, ...choices.map((rule) => rule.column)])];
}

/** `Ticked: {reason_code}` names the column reason_code. */
export function slots(template: string): string[] {
  return [...template.matchAll(/\{([^{}]+)\}/g)].map((match) => match[1]!);
}
