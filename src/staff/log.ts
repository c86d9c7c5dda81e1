import { and, asc, desc, eq, lt } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { audit } from '../../db/schema/staff.ts';
import { plainSchemas } from '../proofs/documents.ts';
import { longDay, momentAt } from '../shared/dates.ts';
import { counted } from '../shared/words.ts';
import type { Entry } from './audit.ts';

/* The record of what staff did, as sentences. */

export const PAGE = 50;

export type LogFilter = {
  /** `<kind>:<id>`, as the record names it. */
  subject?: string | undefined;
  /** Only what is older than this entry. */
  before?: number | undefined;
};

/** The newest entries first; `next` continues it, null at its end. */
export async function logPage(
  reader: Reader,
  { subject, before }: LogFilter,
  limit = PAGE,
): Promise<{ entries: Entry[]; next: number | null }> {
  const where = and(
    subject === undefined ? undefined : eq(audit.subject, subject),
    before === undefined ? undefined : lt(audit.number, before),
  );
  const found = await reader
    .select()
    .from(audit)
    .where(where)
    .orderBy(desc(audit.number))
    .limit(limit + 1);
  const entries = found.slice(0, limit);
  return { entries, next: found.length > limit ? entries.at(-1)!.number : null };
}

/** The documents and colleagues that the record speaks of, in the order of their subjects. */
export async function subjectsOfLog(reader: Reader): Promise<string[]> {
  const found = await reader.selectDistinct({ subject: audit.subject }).from(audit).orderBy(asc(audit.subject));
  const chosen = ['staff', ...Object.keys(plainSchemas)];
  return found.map(({ subject }) => subject).filter((subject) => chosen.includes(subject.split(':')[0]!));
}

/** `Grace Adeyemi`, `the proof “Every export you start finishes”`: what a subject is called. */
export function calledIn(subject: string, names: ReadonlyMap<string, string>): string {
  const [kind = '', id = ''] = subject.split(/:(.*)/s);
  if (kind === 'staff') return names.get(id) ?? id;
  if (kind === 'letters') return 'a letter in doubt';
  return kind === 'site' ? KINDS['site']! : `${KINDS[kind] ?? kind} “${names.get(subject) ?? id}”`;
}

/**
 * `Grace Adeyemi saved a draft of the proof “Every export you start finishes” (revision 3).` `names` leads from short ids of
 * colleagues to their names, and from subjects to titles. Hashes and ids stay in the record and out of the sentence.
 */
export function sentenceOf(
  { staffId, action, subject, detail }: Entry,
  names: ReadonlyMap<string, string>,
  timeZone = 'UTC',
): string {
  const who = staffId === null ? 'The machine itself' : (names.get(staffId) ?? staffId);
  const [kind = '', id = ''] = subject.split(/:(.*)/s);
  const self = kind === 'staff' && id === staffId;
  const whom = calledIn(subject, names);
  const did = VERBS[action] ?? `${action} {what}`;
  const said =
    self && !did.includes('{what}') ? did : did.replace('{what}', self ? 'their own place at the desk' : whom);
  const more = Object.entries(detail).flatMap(([key, value]) => inWords(key, value, names, timeZone) ?? []);
  return `${who} ${said}${more.length > 0 ? ` (${more.join(', ')})` : ''}.`;
}

/** What a subject is, in words, for the pages that name it. */
const KINDS: Record<string, string> = {
  proofs: 'the proof',
  issues: 'the issue',
  offers: 'the offer',
  checkins: 'the check-in',
  pages: 'the page',
  letters: 'the letter',
  roles: 'the role',
  reonboarding: 'the step',
  complaint: 'what was told as',
  'role-offer': 'the offer',
  step: 'the step',
  site: 'the settings',
  'measuring-key': 'the measuring key',
  promises: 'the promise',
  persons: 'the person',
  corrections: 'the correction',
  export: 'the file',
  talk: 'the talk',
  batches: 'the batch',
  merges: 'two records',
};

const VERBS: Record<string, string> = {
  'merged two records': 'said that two records are one person',
  'kept two records apart': 'said that two records are two people',
  'took back': 'took back what was said about two records',
  'signed in': 'signed in',
  'signed out': 'signed out',
  added: 'gave {what} a place at the desk',
  'changed roles': 'changed the roles of {what}',
  'changed the title': 'changed what pages say that {what} does here',
  'ended access': 'ended the access of {what}',
  'let back in': 'let {what} back in',
  began: 'began a draft of {what}',
  saved: 'saved a draft of {what}',
  discarded: 'discarded a draft of {what}',
  'added a picture to': 'added a picture to {what}',
  sent: 'sent {what} on, to be confirmed and published',
  confirmed: 'confirmed every number of {what}',
  'sent back': 'sent {what} back',
  scheduled: 'set a day for {what} to be published',
  unscheduled: 'took away the day of {what}',
  published: 'published {what}',
  'released words': 'released {what} for the page of whoever said it',
  'closed again': 'took back the release of {what}',
  issued: 'issued {what}',
  withdrew: 'took back {what}',
  finished: 'said that {what} is done',
  reminded: 'reminded of {what}',
  talked: 'said that {what} took place',
  exported: 'took away {what}',
  'not published': 'did not publish {what} on its day and gave it back',
  'asked a confirmer': 'asked somebody from outside about {what}',
  'confirmer left': 'noted that somebody from outside took their name back from {what}',
  'confirmer answered': 'noted the answer of somebody from outside about {what}',
  'used a confirmation': 'put the answer of somebody from outside into {what}',
  measured: 'stored measurements of {what}',
  'made a key': 'made {what}',
  'revoked a key': 'revoked {what}',
  'letter arrived': 'said that {what} did arrive',
  'letter again': 'had {what} sent once more',
  'answered a no': 'answered somebody’s “no” about {what}',
  'kept a promise': 'noted that {what} was kept',
  'reviewed a correction': 'read where somebody says that we had them wrong, in {what}',
  'confirmed resolutions': 'confirmed what became of complaints about {what}',
  held: 'put invitations over {what} on hold',
  released: 'lifted a hold on invitations over {what}',
  'overrode the window': 'let {what} be invited although they left too long ago',
  'signed an invitation': 'signed a letter to {what}',
  'took back an invitation': 'took back a letter to {what} before it left',
  'put off': 'put off writing to {what}',
  'put back': 'no longer puts off writing to {what}',
  chose: 'chose people to be written to, as {what}',
  'took links': 'took the links of {what} as a file',
  'revoked a batch': 'took {what} back',
  'removed the example': 'removed the example organisation',
};

/** Of use to an auditor with the record in hand, and to nobody who reads a sentence. */
const UNSAID = ['hash', 'contentHash', 'sha256', 'confirmation', 'reopening', 'hold', 'letter'];

function inWords(
  key: string,
  value: Entry['detail'][string],
  names: ReadonlyMap<string, string>,
  timeZone: string,
): string | null {
  if (UNSAID.includes(key) || value === null || value === undefined || value === '') return null;
  switch (key) {
    case 'revision':
    case 'version':
      return `${key} ${value}`;
    case 'basedOn':
      return `from version ${value}`;
    case 'facts':
      return counted(Number(value), 'fact');
    case 'bytes':
      return `${Math.ceil(Number(value) / 1000)} kB`;
    case 'publishAt':
      return `for ${momentAt(new Date(String(value)), timeZone)}`;
    case 'doneBy':
      return `to be done by ${longDay(String(value))}`;
    case 'approvedBy':
      return `approved by ${names.get(String(value)) ?? value}`;
    case 'relation':
      return value === 'complained' ? 'somebody who told us of it' : 'an outsider';
    case 'confirmed':
      return value === true ? 'yes' : 'no';
    case 'proof':
    case 'linkedTo': {
      const collection = key === 'proof' ? 'proofs' : 'issues';
      return `for ${calledIn(`${collection}:${value}`, names)}`;
    }
    default: {
      const words = key.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
      return value === true ? words : value === false ? null : `${words}: ${value}`;
    }
  }
}
