import { and, desc, eq, lt } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { audit } from '../../db/schema/staff.ts';
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

/** `Grace Adeyemi saved the proof “exports-finish” (revision: 3).` `names` leads from short ids to names. */
export function sentenceOf({ staffId, action, subject, detail }: Entry, names: ReadonlyMap<string, string>): string {
  const who = staffId === null ? 'The machine itself' : (names.get(staffId) ?? staffId);
  const [kind = '', id = ''] = subject.split(/:(.*)/s);
  const self = kind === 'staff' && id === staffId;
  const whom = kind === 'staff' ? (names.get(id) ?? id) : `${KINDS[kind] ?? kind} “${id}”`;
  const did = VERBS[action] ?? `${action} {what}`;
  const said =
    self && !did.includes('{what}') ? did : did.replace('{what}', self ? 'their own place at the desk' : whom);
  const known = Object.entries(detail).filter(([, value]) => value !== null && value !== '' && value !== false);
  const more = known.map(([key, value]) => (value === true ? spaced(key) : `${spaced(key)}: ${brief(value)}`));
  return `${who} ${said}${more.length > 0 ? ` (${more.join('; ')})` : ''}.`;
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
};

const VERBS: Record<string, string> = {
  'signed in': 'signed in',
  'signed out': 'signed out',
  added: 'gave {what} a place at the desk',
  'changed roles': 'changed the roles of {what}',
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
  released: 'released {what} for the page of whoever said it',
  'closed again': 'took back the release of {what}',
  issued: 'issued {what}',
  withdrew: 'took back {what}',
  finished: 'said that {what} is done',
  reminded: 'reminded of {what}',
  'not published': 'did not publish {what} on its day and gave it back',
  'asked a confirmer': 'asked somebody from outside about {what}',
  'confirmer answered': 'noted the answer of somebody from outside about {what}',
  'used a confirmation': 'put the answer of somebody from outside into {what}',
  measured: 'stored measurements of {what}',
  'made a key': 'made {what}',
  'revoked a key': 'revoked {what}',
  'removed the example': 'removed the example organisation',
};

const spaced = (key: string) => key.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
const brief = (value: string | number | boolean | null) =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? `${value.slice(0, 12)}…` : String(value);
