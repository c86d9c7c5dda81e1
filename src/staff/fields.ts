import { z } from 'zod';
import { fileOf } from '../proofs/content.ts';
import { type Collection, documentSchemas } from '../proofs/documents.ts';
import { capitalise } from '../shared/words.ts';

/* What the form of a document asks for, drawn from the schema that judges it, in the words of the desk. */

export type Kind =
  | { kind: 'line' | 'text' | 'day' | 'number' | 'yes-no' | 'person' | 'issue' }
  /** Several, one a line. */
  | { kind: 'lines' | 'numbers' }
  /** Several, ticked. */
  | { kind: 'issues' | 'complaints' }
  | { kind: 'choice' | 'choices'; options: string[] }
  /** Carried along unseen: ids, file names and hashes that nobody should have to type. */
  | { kind: 'kept' }
  /** The content of a file beside the document. */
  | { kind: 'file' }
  | { kind: 'group' | 'groups' | 'named groups'; fields: Field[]; most: number };

export type Field = Kind & { key: string; label: string; hint: string; required: boolean };

/** What a field holds: text as typed, the ticked ones, groups of fields. A group that is not there is an empty one. */
export type Value = string | string[] | Values | Values[];
export interface Values {
  [key: string]: Value;
}

/** The path of a field as text, `changes.0.what`; `body`, or an empty one for the document as a whole. */
export type At = string;

/** The name of a group in a record, such as a person's short id. */
export const NAME = '_name';
export const CSV = '_csv';
export const TEXT = '_text';

export const LABELS: Record<string, string> = {
  about: 'What you do',
  affects: 'Who told you',
  alt: 'What the picture shows',
  amount: 'Price, in pence or cents',
  asked: 'How many were asked',
  answered: 'How many answered',
  better: 'What is better',
  'series.better': 'Better is',
  blocks: 'What stands in the way',
  by: 'By whom',
  cannot: 'What you still cannot offer',
  changes: 'What we changed',
  changed_on: 'Changed on',
  dated: 'Dated',
  decided_on: 'Decided on',
  ends_because: 'Why it ends',
  baseline_from: 'The time before begins on',
  'changes.source': 'Where anyone can see it',
  'source.label': 'A few words to press',
  'series.source': 'Where the numbers come from',
  'rivals.label': 'What happened',
  'verified.by': 'Who issued it',
  gap: 'Why it hurt',
  headline: 'Headline',
  holding: 'When a change counts as fixed',
  how: 'How they confirmed it',
  href: 'Its address',
  informed_by: 'Complaints behind it',
  issues: 'Issues that it is for',
  kept: 'What of theirs was kept',
  known_on: 'When we knew',
  line: 'One line, then and now',
  lede: 'Opening sentences',
  next_update: 'Next update',
  no_voice_because: 'If nobody may be quoted: why',
  on: 'On',
  owner: 'Who answers for it',
  people: 'People who may be named',
  pictures: 'Pictures',
  reask: 'The people affected, asked again',
  reopen_limit: 'From which value on it has come back',
  review_on: 'We look again on',
  rivals: 'What else could explain it',
  series: 'Measurements',
  stands: 'Where it stands today',
  started_on: 'Started on',
  still_not_right: 'What is still not right',
  summary: 'What it did to people',
  verified: 'A document or a finding',
  voices: 'Whom we quote',
  what: 'What is different now',
  yes: 'How many said yes',
};

/** Fields of a proof that are computed or carried along. */
export const KEPT = new Set(['series.id', 'series.file', 'verified.file', 'verified.sha256', 'pictures.sha256']);

/** Fields that no schema has, by the group that they are in. */
const BESIDE: Record<string, Field> = {
  series: {
    ...{ kind: 'file', key: CSV, label: 'The measurements', required: true },
    hint: 'One measurement a line: date,value or date,value,n. Oldest first. Two or three columns of a spreadsheet can be pasted.',
  },
  verified: {
    ...{ kind: 'file', key: TEXT, label: 'The document itself', required: true },
    hint: 'Paste it whole. Its fingerprint is computed.',
  },
};

/** What JSON Schema says of a field; `drawn` comes from proofs/documents.ts. */
type Schema = {
  type: string;
  drawn?: 'text' | 'day' | 'person' | 'issue' | 'complaint';
  description?: string;
  enum?: string[];
  items?: Schema;
  maxItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema;
};

const schemas = documentSchemas((to) => z.string().meta(to === 'issues' ? { drawn: 'issue' } : {}));
const drawn = new Map<Collection, Field[]>();

/** Every field of a collection, in the order of its schema. */
export function fieldsOf(collection: Collection): Field[] {
  const known = drawn.get(collection);
  if (known) return known;
  const fields = fieldsIn(z.toJSONSchema(schemas[collection], { io: 'input' }) as Schema, '');
  drawn.set(collection, fields);
  return fields;
}

function fieldsIn({ properties = {}, required = [] }: Schema, within: string): Field[] {
  const fields = Object.entries(properties).map(([key, schema]): Field => {
    const path = within ? `${within}.${key}` : key;
    const label = LABELS[path] ?? LABELS[key] ?? capitalise(key).replaceAll('_', ' ');
    const kind: Kind = KEPT.has(path) ? { kind: 'kept' } : kindOf(schema, key);
    return { ...kind, key, label, hint: hintOf(schema, label), required: required.includes(key) };
  });
  return BESIDE[within] ? [...fields, BESIDE[within]] : fields;
}

/** A name is picked, so its short id needs no word; and nothing is said twice. */
function hintOf({ drawn, description = '' }: Schema, label: string): string {
  if (drawn === 'person' || drawn === 'issue') return '';
  const rest = description.startsWith(label) && /^[.:]/.test(description.slice(label.length));
  return rest ? capitalise(description.slice(label.length + 1).trim()) : description;
}

function kindOf(schema: Schema, key: string): Kind {
  const { type, drawn, items, additionalProperties: each } = schema;
  if (schema.enum) return { kind: 'choice', options: schema.enum };
  if (type === 'number' || type === 'integer') return { kind: 'number' };
  if (type === 'boolean') return { kind: 'yes-no' };
  if (each) {
    const name: Field = { kind: 'line', key: NAME, label: 'Short id', hint: '', required: true };
    return { kind: 'named groups', fields: [name, ...fieldsIn(each, key)], most: 100 };
  }
  if (type === 'object') return { kind: 'group', fields: fieldsIn(schema, key), most: 1 };
  if (!items) return { kind: drawn === 'complaint' ? 'line' : (drawn ?? 'line') };
  if (items.enum) return { kind: 'choices', options: items.enum };
  if (items.properties) return { kind: 'groups', fields: fieldsIn(items, key), most: schema.maxItems ?? 50 };
  if (items.type !== 'string') return { kind: 'numbers' };
  return { kind: items.drawn === 'issue' ? 'issues' : items.drawn === 'complaint' ? 'complaints' : 'lines' };
}

export function linesIn(text: string): string[] {
  return text
    .split(/\r\n?|\n/)
    .map((line) => line.trim())
    .filter(Boolean);
}

export function inOneLine(text: string): string {
  return linesIn(text).join(' ');
}

/** Whether the documents of a collection have text below their fields. */
export function hasBody(collection: Collection): boolean {
  return fileOf(collection, 'x').endsWith('.md');
}

/** What stands above the text of a document, and what it should say. */
export function bodyField(collection: Collection): Field {
  const told: Partial<Record<Collection, [label: string, hint: string]>> = {
    proofs: ['What went wrong', 'Begin with “We”: what we did, to whom, for how long, and why we were slow.'],
    issues: ['What happens to people', 'What it does to them because of it, and what you have tried.'],
  };
  const [label, hint] = told[collection] ?? ['The text', ''];
  return { kind: 'text', key: 'body', label, hint, required: true };
}

export type Section = { title: string; about: string; keys: string[] };

const PROOF: Section[] = [
  {
    title: 'What you write',
    about: 'Four things that nobody else can know. All that follows is picked or computed.',
    keys: ['headline', 'body', 'changes', 'still_not_right'],
  },
  {
    title: 'Dates and names',
    about: 'Filled in from the issue. Put right what is not so.',
    keys: ['issues', 'owner', 'started_on', 'known_on', 'changed_on', 'review_on'],
  },
  {
    title: 'What was measured',
    about: 'A change is only called fixed when measurements, or a document, carry it.',
    keys: ['series'],
  },
  {
    title: 'A document behind it',
    about: 'For what no series can show: a clause, a policy, an outsider’s finding. Leave it empty if there is none.',
    keys: ['verified'],
  },
  { title: 'Whom we quote', about: 'Only people who agreed to it are offered.', keys: ['voices', 'no_voice_because'] },
  {
    title: 'In short',
    about: 'For lists and for the top of the page. The numbers in braces are computed.',
    keys: ['line', 'lede'],
  },
  { title: 'Pictures', about: 'None is needed.', keys: ['pictures'] },
];

/** The sections of a form, every field in one of them. `body` is the text below the fields. */
export function sectionsOf(collection: Collection): Section[] {
  const keys = fieldsOf(collection).map(({ key }) => key);
  if (collection !== 'proofs') {
    return [{ title: 'What it says', about: '', keys: hasBody(collection) ? [...keys, 'body'] : keys }];
  }
  const placed = new Set(PROOF.flatMap((section) => section.keys));
  return [...PROOF, { title: 'Who confirmed it', about: '', keys: keys.filter((key) => !placed.has(key)) }];
}
