import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROLES, staff } from '../../db/schema/staff.ts';
import { openPlace, type Place } from '../../src/cli/place.ts';
import { root } from '../../src/cli/processes.ts';
import { beginSession } from '../../src/sessions/staff.ts';
import { type Doing, may } from '../../src/staff/access.ts';
import { addColleague } from '../../src/staff/colleagues.ts';
import { openDraft } from '../../src/staff/drafts.ts';
import { must } from '../support/must.ts';
import { buildOnce, dumpOf, PORTS } from '../support/place.ts';

/*
 * Every page and every press of the desk, tried by somebody of each role, by somebody who left and by nobody. The pages are
 * read from the disk: a new one without a row here fails.
 */

type Needs = Doing | 'nobody signed in';
type Row = { at: string; open: Needs; presses: [fields: Record<string, string>, needs: Needs][] };

const page = (at: string, open: Needs, ...presses: Row['presses']): Row => ({
  at,
  open,
  // Where nothing is pressed, a press shows the page at most.
  presses: presses.length > 0 ? presses : [[{}, open]],
});
const DRAFT = '/staff/drafts/proofs/exports-finish';
const OPEN = 'nobody signed in';

const PAGES: Record<string, Row> = {
  'index.astro': page('/staff', 'look'),
  'answers.astro': page(
    '/staff/answers',
    'answer',
    [{ press: 'answer', id: 'x' }, 'answer'],
    [{ press: 'kept', id: 'x' }, 'answer'],
    [{ press: 'read', id: 'x' }, 'answer'],
  ),
  'gate.astro': page(
    '/staff/gate',
    'see people',
    [{ press: 'hold', id: 'x' }, 'hold'],
    [{ press: 'lift', id: 'x' }, 'hold'],
    [{ press: 'late', id: 'x' }, 'override the window'],
  ),
  'write-to/index.astro': page(
    '/staff/write-to',
    'sign',
    [{ press: 'take-back', id: 'x' }, 'sign'],
    [{ press: 'again', id: 'x' }, 'sign'],
  ),
  'write-to/[person]/index.astro': page(
    '/staff/write-to/x',
    'sign',
    [{ press: 'sign', own: 'A sentence of my own, to nobody.', seen: 'x' }, 'sign'],
    [{ press: 'look', own: 'A sentence of my own, to nobody.' }, 'sign'],
    [{ press: 'off', reason: 'Nobody is there at all.', days: '7' }, 'sign'],
    [{ press: 'take-back', id: 'x' }, 'sign'],
  ),
  'write-to/[person]/as-html.ts': page('/staff/write-to/x/as-html', 'sign'),
  'letters/index.astro': page('/staff/letters', 'look'),
  'letters/[kind]/as-html.ts': page('/staff/letters/code/as-html', 'look'),
  'choose.astro': page(
    '/staff/choose',
    'choose',
    [{ press: 'letters', id: 'x' }, 'choose'],
    [{ press: 'links', id: 'x' }, 'choose'],
    [{ issue: 'exports-failed' }, 'choose'],
  ),
  'batches/index.astro': page('/staff/batches', 'choose', [{ press: 'revoke', id: 'x' }, 'choose']),
  'batches/links.csv.ts': page('/staff/batches/links.csv', 'choose', [{ id: 'x' }, 'choose']),
  'outcomes.astro': page('/staff/outcomes', 'see outcomes'),
  'resolutions/[issue].astro': page('/staff/resolutions/exports-failed', 'see people', [{ proof: 'x' }, 'resolve']),
  'guide.astro': page('/staff/guide', 'look'),
  'import/index.astro': page(
    '/staff/import',
    'import',
    [{ press: 'upload' }, 'import'],
    [{ press: 'ask', id: 'x' }, 'import'],
    [{ press: 'give-up', id: 'x' }, 'import'],
    [{ press: 'undo', id: 'x' }, 'import'],
  ),
  'import/errors.csv.ts': page('/staff/import/errors.csv?id=x', 'import'),
  'sample.csv.ts': page('/staff/sample.csv', 'look'),
  'doubles.astro': page(
    '/staff/doubles',
    'decide about doubles',
    [{ press: 'one', id: 'x' }, 'decide about doubles'],
    [{ press: 'two', id: 'x' }, 'decide about doubles'],
    [{ press: 'undo', id: 'x' }, 'decide about doubles'],
  ),
  'triage.astro': page(
    '/staff/triage',
    'triage',
    [{ press: 'confirm' }, 'triage'],
    [{ press: 'aside', ref: 'x' }, 'triage'],
    [{ press: 'open', name: 'Not a name', group: '0' }, 'write'],
  ),
  'log.astro': page('/staff/log', 'audit'),
  'measuring.astro': page('/staff/measuring', 'measure', [{}, 'measure'], [{ press: 'revoke', id: 'x' }, 'measure']),
  'sending.astro': page(
    '/staff/sending',
    'look after sending',
    [{ press: 'arrived', id: 'x' }, 'look after sending'],
    [{ press: 'again', id: 'x' }, 'look after sending'],
  ),
  'not-yours.astro': page('/staff/not-yours?doing=approve', 'look'),
  'too-large.astro': page('/staff/too-large?bytes=5000000&back=/staff/drafts/proofs/exports-finish', 'look'),
  'people.astro': page(
    '/staff/people',
    'manage staff',
    [{ press: 'add' }, 'manage staff'],
    [{ press: 'roles', id: 'nobody', roles: 'admin' }, 'manage staff'],
    [{ press: 'end', id: 'nobody' }, 'manage staff'],
    [{ press: 'title', id: 'nobody', title: 'Nobody' }, 'manage staff'],
  ),
  'returning/index.astro': page(
    '/staff/returning',
    'see returning colleagues',
    [{ press: 'remind', step: 'x' }, 'see returning colleagues'],
    [{ press: 'done', step: 'x' }, 'see returning colleagues'],
    [{ press: 'talked', talk: 'x' }, 'see returning colleagues'],
  ),
  'returning/[person].astro': page(
    '/staff/returning/x',
    'see returning colleagues',
    [{ press: 'release', complaint: 'x' }, 'see returning colleagues'],
    [{ press: 'close', complaint: 'x' }, 'see returning colleagues'],
    [{ press: 'issue' }, 'see returning colleagues'],
    [{ press: 'withdraw', offer: 'x' }, 'see returning colleagues'],
  ),
  'returning/progress.csv.ts': page('/staff/returning/progress.csv', 'see returning colleagues'),
  'returning/progress.json.ts': page('/staff/returning/progress.json', 'see returning colleagues'),
  'sign-in/index.astro': page('/staff/sign-in', OPEN),
  'sign-in/code.astro': page('/staff/sign-in/code', OPEN),
  'sign-out.ts': page('/staff/sign-out', OPEN),
  'drafts/index.astro': page('/staff/drafts', 'look', [{ collection: 'issues', id: '' }, 'write']),
  'drafts/[collection]/[id]/index.astro': page(DRAFT, 'write', [{ revision: '0' }, 'write']),
  'drafts/[collection]/[id]/check.astro': page(`${DRAFT}/check`, 'write', [{}, 'write']),
  'drafts/[collection]/[id]/discard.astro': page(`${DRAFT}/discard`, 'write', [{ revision: '0' }, 'write']),
  'drafts/[collection]/[id]/picture.astro': page(`${DRAFT}/picture`, 'write'),
  'drafts/[collection]/[id]/preview/[as].astro': page(`${DRAFT}/preview/public`, 'look'),
  'drafts/[collection]/[id]/data/[file].ts': page(`${DRAFT}/data/failed.csv`, 'look'),
  'drafts/[collection]/[id]/confirmer.astro': page(
    `${DRAFT}/confirmer`,
    'look',
    [{ press: 'outsider' }, 'ask a confirmer'],
    [{ press: 'person', person: 'x' }, 'ask a confirmer'],
    [{ press: 'use', confirmation: 'x' }, 'write'],
  ),
  'drafts/[collection]/[id]/review.astro': page(
    `${DRAFT}/review`,
    'look',
    [{ press: 'send', draft: 'x' }, 'write'],
    [{ press: 'confirm', draft: 'x' }, 'confirm'],
    [{ press: 'publish', draft: 'x' }, 'approve'],
    [{ press: 'schedule', draft: 'x' }, 'approve'],
    [{ press: 'unschedule', draft: 'x' }, 'approve'],
    [{ press: 'back', draft: 'x', note: 'Not mine to say.' }, 'look'],
  ),
};

const data = mkdtempSync(join(tmpdir(), 'amends-who-may-do-what-'));
let place: Place;

beforeAll(async () => {
  await buildOnce();
  place = await openPlace({ data, port: PORTS['who-may-do-what'], jobs: false });
  await place.db.write(async (tx) => {
    const now = new Date();
    for (const role of [...ROLES, 'left'] as const) {
      const roles = role === 'left' ? ROLES : [role];
      const someone = {
        id: `only-${role}`,
        name: `Somebody ${role}`,
        title: 'Tries',
        address: `${role}@northline.example`,
        roles,
      };
      must(await addColleague(tx, null, someone, now));
    }
    // Only marked: even the row of a session that is still there signs nobody in.
    await tx.update(staff).set({ leftAt: now.getTime() }).where(eq(staff.id, 'only-left'));
    await openDraft(tx, { collection: 'proofs', documentId: 'exports-finish', by: 'grace' }, now);
  });
});
afterAll(async () => {
  await place?.close();
  rmSync(data, { recursive: true, force: true });
});

async function ask(who: string | null, path: string, fields?: Record<string, string>) {
  const headers: Record<string, string> = { Origin: place.url };
  if (who !== null) {
    const secret = await place.db.write((tx) => beginSession(tx, who, undefined, new Date()));
    headers['Cookie'] = `amends-staff=${secret}`;
  }
  const init: RequestInit = fields ? { method: 'POST', body: new URLSearchParams(fields) } : {};
  const response = await fetch(place.url + path, { ...init, headers, redirect: 'manual' });
  const words = await response.text();
  const to = response.headers.get('location') ?? '';
  if (response.status === 403 && words.includes('Not yours to do')) return 'refused';
  if (response.status === 303 && /^\/staff\/sign-in(\?|$)/.test(to)) return 'sign in';
  return response.status < 500 && response.status !== 403 ? 'answered' : `${response.status} ${words.slice(0, 200)}`;
}

const files = readdirSync(join(root, 'src/pages/staff'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(astro|ts)$/.test(name))
  .map((name) => name.replaceAll('\\', '/'));

test('every page of the desk has its row here', () => {
  expect(files.filter((file) => !(file in PAGES))).toEqual([]);
});

/** What these three say to whoever may have it. */
const ELSE: Record<string, string[]> = {
  '/staff/sign-out': ['answered', 'sign in'],
  '/staff/sign-in/code': ['sign in'],
  '/staff/not-yours?doing=approve': ['refused'],
};

/** Everything that can be done, one by one: opening, and each press. */
const WAYS = files
  .flatMap((file) => (PAGES[file] ? [PAGES[file]] : []))
  .flatMap(({ at, open, presses }) => [
    { way: `opening ${at}`, at, fields: undefined, needs: open },
    ...presses.map(([fields, needs]) => ({ way: `pressing ${JSON.stringify(fields)} at ${at}`, at, fields, needs })),
  ]);

test('nobody is chosen beforehand where one press writes to somebody', async () => {
  const secret = await place.db.write((tx) => beginSession(tx, 'grace', undefined, new Date()));
  const headers = { Origin: place.url, Cookie: `amends-staff=${secret}` };
  const at = `${place.url}${DRAFT}/confirmer`;
  const list = /<select id="person"[\s\S]*?<\/select>/.exec(await (await fetch(at, { headers })).text())![0];
  expect(list).toMatch(/<select[^>]*>\s*<option value="">Not chosen/);
  expect(list).not.toMatch(/<option[^>]*selected/);
  const before = await settled();
  const press = new URLSearchParams({ press: 'person', person: '' });
  const answer = await fetch(at, { method: 'POST', headers, body: press, redirect: 'manual' });
  expect(answer.status).toBeLessThan(300);
  expect(await answer.text()).toContain('Choose somebody who told us of this');
  expect(await settled()).toEqual(before);
});

test('an empty form is answered by the page', async () => {
  const answer = await fetch(`${place.url}/staff/sign-in`, {
    method: 'POST',
    headers: { Origin: place.url },
    body: new URLSearchParams({ address: '' }),
  });
  const words = await answer.text();
  expect(answer.status).toBe(422);
  expect(words).toContain('Type your whole address');
  expect(words).toMatch(/<form[^>]*novalidate/);
});

describe('without a place at the desk', { timeout: 60_000 }, () => {
  for (const [who, id] of [
    ['nobody', null],
    ['somebody who left', 'only-left'],
  ] as const)
    test(`${who} gets nowhere, and nothing changes`, async () => {
      const before = await settled();
      const wrong: string[] = [];
      for (const { way, at, fields, needs } of WAYS) {
        const answer = await ask(id, at, fields);
        if (needs !== OPEN && answer !== 'sign in') wrong.push(`${way}: ${answer}`);
        if (needs === OPEN && !['answered', 'sign in'].includes(answer)) wrong.push(`${way}: ${answer}`);
      }
      expect(wrong).toEqual([]);
      expect(await settled()).toEqual(before);
    });
});

describe('with one role', { timeout: 60_000 }, () => {
  for (const role of ROLES)
    test(`${role}: what is theirs answers, what is not is refused`, async () => {
      const before = await settled();
      const forbidden = WAYS.filter(({ needs }) => needs !== OPEN && !may([role], needs));
      const wrong: string[] = [];
      for (const { way, at, fields } of forbidden) {
        const answer = await ask(`only-${role}`, at, fields);
        if (answer !== 'refused') wrong.push(`${way}: ${answer}`);
      }
      expect(await settled()).toEqual(before);
      for (const { way, at, fields } of WAYS.filter((one) => !forbidden.includes(one))) {
        const answer = await ask(`only-${role}`, at, fields);
        if (!(ELSE[at] ?? ['answered']).includes(answer)) wrong.push(`${way}: ${answer}`);
      }
      expect(wrong).toEqual([]);
    });
});

/** The whole database, but for the sessions that this test itself begins. */
async function settled() {
  const { staff_sessions: _, ...rest } = await dumpOf(place);
  return rest;
}
