import { stringify } from 'yaml';
import { readDay } from './dates.ts';
import { DATE_FIELDS, type Field } from './mapping.ts';

/** The fields that are asked about, in this order, with what each is and the names that others give it. */
export const ASKED: { field: Field; what: string; named: RegExp; rows: string[] }[] = [
  {
    field: 'person_id',
    what: 'the person’s id in that system',
    named: /^(customer|client|user|employee|requester|contact|account|person|emp)?[ _.-]*(id|number|no\.?|#)$/i,
    rows: ['person', 'departure', 'complaint', 'signal'],
  },
  {
    field: 'first_name',
    what: 'their first name, or the only name there is',
    named: /^(first|given)[ _.-]*name$|^(full |customer |employee )?name$/i,
    rows: ['person', 'departure', 'complaint'],
  },
  {
    field: 'last_name',
    what: 'their last name',
    named: /^(last|family|sur)[ _.-]*name$/i,
    rows: ['person', 'departure', 'complaint'],
  },
  { field: 'email', what: 'their e-mail address', named: /e-?mail/i, rows: ['person', 'departure', 'complaint'] },
  {
    field: 'joined_on',
    what: 'the day they joined',
    named: /join|hire|sign.?up|start|created/i,
    rows: ['person', 'departure'],
  },
  {
    field: 'left_on',
    what: 'the day they left',
    named: /left|churn.*date|cancel.*(at|date)|ended|terminat.*date|reliev|cease|leav/i,
    rows: ['departure'],
  },
  {
    field: 'departure_id',
    what: 'the id of this departure',
    named: /^(departure|subscription|churn.?event)[ _.-]*id$/i,
    rows: ['departure'],
  },
  {
    field: 'plan_or_role',
    what: 'the plan or role they left',
    named: /plan|role|position|job.?title|contract|designation/i,
    rows: ['person', 'departure'],
  },
  { field: 'reason_code', what: 'the reason that was ticked', named: /reason/i, rows: ['departure'] },
  {
    field: 'complaint_id',
    what: 'the id of this complaint',
    named: /^(complaint|ticket|case|post|comment)[ _.-]*(id|#|number)$/i,
    rows: ['departure', 'complaint'],
  },
  {
    field: 'said_on',
    what: 'the day they said it',
    named: /created|received|submitted|^date$|said/i,
    rows: ['departure', 'complaint'],
  },
  {
    field: 'words',
    what: 'what they said, in their own words',
    named: /comment|description|feedback|narrative|complaint$|body|text|details|words/i,
    rows: ['departure', 'complaint'],
  },
  { field: 'signal_id', what: 'the id of this trace', named: /id$/i, rows: ['signal'] },
  { field: 'signal_on', what: 'its day', named: /date|_at$|_on$|created|submitted/i, rows: ['signal'] },
  {
    field: 'signal_value',
    what: 'its number: minutes to our first answer, uses, the score',
    named: /count|score|minutes|value|amount/i,
    rows: ['signal'],
  },
];

/** The column that probably is this field. */
export function guessColumn(field: Field, header: string[], taken: ReadonlySet<string>): string | null {
  const asked = ASKED.find((one) => one.field === field);
  const free = header.filter((name) => name !== '' && !taken.has(name));
  const found = free.find((name) => name.toLowerCase() === field) ?? free.find((name) => asked?.named.test(name));
  return found ?? (field === 'person_id' ? (free.find((name) => /id$/i.test(name)) ?? null) : null);
}

const FORMATS = [
  'YYYY-MM-DD',
  'YYYY-MM',
  'YYYY',
  'YYYY-MM-DD HH:mm:ss',
  'YYYY-MM-DD HH:mm',
  'YYYY-MM-DD H:mm',
  'YYYY-MM-DDTHH:mm:ssZ',
  'YYYY-MM-DDTHH:mm:ss.SSSZ',
  'YYYY/MM/DD',
  'MM/YYYY',
  'DD.MM.YYYY',
  'D.M.YYYY',
  'D/M/YYYY',
  'M/D/YYYY',
  'D/M/YYYY H:mm',
  'M/D/YYYY H:mm',
  'M/D/YYYY H:mm AM',
  'D-M-YYYY',
  'M-D-YYYY',
  'DD-MM-YYYY HH.mm',
  'unix',
];

/**
 * The formats that read every one of these texts. `either` is a text that two of them read as different days: then a person has to say
 * which comes first, the day or the month.
 */
export function guessDates(samples: string[]): { formats: string[]; either: string | null } {
  const texts = samples.filter((text) => text !== '');
  const fitting = FORMATS.filter((format) => texts.some((text) => typeof readDay(text, [format]) !== 'string'));
  const shape = (text: string) => text.replace(/\d+/g, '9');
  // A format that fails on a text of the same shape is not the one: 24/03 says that 03/04 is a third of April.
  const formats = fitting.filter((format) =>
    texts.every((text) => {
      const sameShape = texts.some(
        (other) => shape(other) === shape(text) && typeof readDay(other, [format]) !== 'string',
      );
      return !sameShape || typeof readDay(text, [format]) !== 'string';
    }),
  );
  const either = texts.find((text) => /could be/.test(String(readDay(text, formats)))) ?? null;
  return { formats, either };
}

export type Answers = {
  name: string;
  source: string;
  row: 'person' | 'departure' | 'complaint' | 'signal';
  signal: string | null;
  kind: 'customer' | 'employee';
  columns: Partial<Record<Field, string>>;
  dates: Partial<Record<Field, string[]>>;
  gaps: { column: string; values: Record<string, string> } | null;
};

/** The mapping file that these answers come to. */
export function writeMapping(answers: Answers): string {
  const { name, source, row, signal, kind, columns, dates, gaps } = answers;
  const fields: Record<string, unknown> = { kind: { always: kind } };
  for (const [field, column] of Object.entries(columns) as [Field, string][]) {
    fields[field] = DATE_FIELDS.has(field) ? { column, dates: dates[field] ?? ['YYYY-MM-DD'] } : column;
  }
  if (gaps) {
    fields.gap = { ...gaps, otherwise: '' };
    if (!columns.words || row === 'departure') fields.note = { text: `Ticked: {${gaps.column}}` };
  }
  if (row !== 'person' && row !== 'signal') {
    fields.confidentiality = { always: kind === 'employee' ? 'confidential' : 'open' };
  }
  return stringify({ name, source, row, ...(signal ? { signal } : {}), fields });
}
