import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { complaints } from '../../db/schema/people.ts';
import { seedContent } from '../../db/seed.ts';
import { confirmFacts, factsIn, sendBack, sendToOwner } from '../../src/staff/approval.ts';
import { changeRoles, type Member } from '../../src/staff/colleagues.ts';
import { contentHash, type Draft } from '../../src/staff/draft.ts';
import { openDraft, saveDraft } from '../../src/staff/drafts.ts';
import { removeExample } from '../../src/staff/first-run.ts';
import { firstSteps } from '../../src/staff/guide.ts';
import { type Home, home } from '../../src/staff/home.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { CONTENT, castPerson, later, NOW, seededDatabase } from '../support/seeded.ts';

let db: FreshDatabase;
beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

const as = (id: string, ...roles: Member['roles']): Promise<Home> => home(db.read, { id, roles }, later(60_000));
const grace = () => as('grace', 'writer');
const row = async (key: string, seen = grace()) =>
  [...(await seen).rows, ...(await seen).holding].find((one) => one.key === key)!;
const begin = async (collection: 'issues' | 'proofs', documentId: string) => {
  return must(await db.write((tx) => openDraft(tx, { collection, documentId, by: 'grace' }, NOW)));
};
async function edited(): Promise<Draft> {
  const draft = await begin('proofs', 'exports-finish');
  const source = `${draft.source.trimEnd()}\n\nWe should have said so sooner.\n`;
  const answer = await db.write((tx) => saveDraft(tx, { ...draft, source, by: 'grace' }, later(1)));
  if (!('saved' in answer)) throw new Error('It was not saved.');
  return answer.saved;
}

describe('coverage at the desk', () => {
  test('a headline of computed numbers, and those first who have waited longest together', async () => {
    const { headline, rows, holding, yours, loose } = await grace();
    expect(headline).toMatch(/^2 groups of complaints have no proof\. \d+ people are waiting\. Oldest: \d+ days\.$/);
    expect(rows.map(({ peopleDays }) => peopleDays)).toEqual(
      rows.map(({ peopleDays }) => peopleDays).toSorted((a, b) => b - a),
    );
    expect(rows.length + holding.length).toBe(8);
    expect(holding.map(({ key }) => key)).toContain('exports-failed');
    expect(rows.map(({ state }) => state?.name)).not.toContain('holding');
    // What the headline says is what the rows say: nothing that holds is longer.
    const oldest = Number(/Oldest: (\d+)/.exec(headline)![1]);
    expect(Math.max(...[...rows, ...loose].map(({ oldestDays }) => oldestDays ?? 0))).toBe(oldest);
    expect(yours).toEqual([]);
  });

  test.each([
    ['exports-failed', { label: 'See who may be invited', href: '/staff/gate?issue=exports-failed' }],
    ['large-files-slow', { label: 'Write the proof', begin: { collection: 'proofs', id: 'large-files-slow' } }],
    ['sign-in-codes-late', { label: 'Change it again', begin: { collection: 'proofs', id: 'two-routes-for-codes' } }],
    ['nobody-told-you', { label: 'Ask a confirmer', href: '/staff/drafts/proofs/we-write-when-it-is-fixed/confirmer' }],
  ])('%s: the one next thing to do', async (key, next) => {
    expect((await row(key)).next).toEqual(next);
  });

  test('an issue that complaints name and no document describes is to be written, and counted', async () => {
    const { id: personId } = await castPerson(db.read, 'c-maya');
    const [any] = await db.read.select().from(complaints).limit(1);
    await db.write((tx) =>
      tx.insert(complaints).values({ ...any!, id: 'new', ref: 'cast:new', personId, issueId: 'too-many-steps' }),
    );
    expect(await row('too-many-steps')).toMatchObject({
      state: null,
      owner: null,
      people: 1,
      next: { label: 'Write the issue', begin: { collection: 'issues', id: 'too-many-steps' } },
    });
    expect((await grace()).headline).toMatch(/^3 groups/);
    await begin('issues', 'too-many-steps');
    const found = (await grace()).rows.filter(({ key }) => key === 'too-many-steps');
    expect(found).toMatchObject([{ next: { href: '/staff/drafts/issues/too-many-steps' } }]);
  });

  test('an issue that nobody has complained of yet is there as soon as it is begun', async () => {
    await begin('issues', 'late-invoices');
    expect(await row('late-invoices')).toMatchObject({ people: 0, next: { label: 'Go on with the draft' } });
  });
});

test('where nobody was brought in, nobody is said to wait or not to wait', async () => {
  const bare = await freshDatabase();
  await seedContent(bare, CONTENT, NOW);
  const { headline } = await home(bare.read, { id: 'grace', roles: ['writer'] }, NOW);
  await bare.cleanup();
  expect(headline).toBe('Nobody has been counted yet: no complaint was brought in.');
});

describe('while something is in hand, the row and whoever has to act say so', () => {
  const review = '/staff/drafts/proofs/exports-finish/review';
  const seenBy = (draft: Draft, by: string) => ({ draftId: draft.id, contentHash: contentHash(draft), by });

  test('being written, with its owner, confirmed, and sent back', async () => {
    const draft = await edited();
    expect((await row('exports-failed')).next).toEqual({
      label: 'Go on with the draft',
      href: '/staff/drafts/proofs/exports-finish',
    });
    expect((await grace()).yours).toMatchObject([{ why: 'is yours to finish and send' }]);

    await db.write((tx) => sendToOwner(tx, seenBy(draft, 'grace'), later(2)));
    expect((await row('exports-failed')).next).toEqual({ label: 'Confirm its facts', href: review });
    expect((await as('priya', 'owner')).yours).toMatchObject([
      { why: expect.stringContaining('confirm'), href: review },
    ]);
    expect((await grace()).yours).toEqual([]);
    expect((await as('leila', 'owner')).yours).toEqual([]);

    const ticked = factsIn(draft).map(({ id }) => id);
    await db.write((tx) => confirmFacts(tx, { ...seenBy(draft, 'priya'), ticked }, later(3)));
    expect((await row('exports-failed')).next).toEqual({ label: 'Publish it', href: review });
    expect((await as('ruth', 'approver')).yours).toMatchObject([
      { why: expect.stringContaining('publish'), href: review },
    ]);
    // Who wrote it or owns it is not asked to publish it, whatever else they may do.
    expect((await as('grace', 'writer', 'approver')).yours).toEqual([]);
    expect((await as('priya', 'owner', 'approver')).yours).toEqual([]);

    await db.write((tx) => sendBack(tx, { ...seenBy(draft, 'ruth'), note: 'Say how late.' }, later(4)));
    expect((await grace()).yours).toMatchObject([{ why: 'came back with a note' }]);
  });
});

describe('the guide', () => {
  const done = async () => Object.fromEntries((await firstSteps(db.read)).map((step) => [step.id, step.done]));

  test('in the example everything is done but the first step, which says how', async () => {
    const steps = await firstSteps(db.read);
    expect(steps[0]).toMatchObject({ done: false, command: 'amends example --help' });
    expect(await done()).toMatchObject({ colleagues: true, people: true, issue: true, proof: true, confirmer: true });
  });

  test('a place of one’s own begins with everything else to do, and nobody ticks it', async () => {
    await removeExample(
      db,
      {
        organisation: 'Harbour Mutual',
        about: 'Harbour Mutual insures boats for people who row them.',
        replyTo: 'answers@harbour.example',
        timeZone: 'Europe/Lisbon',
        admin: { name: 'Amal Osei', title: 'Communications', address: 'amal@harbour.example' },
      },
      [],
      NOW,
    );
    const { organisation, ...rest } = await done();
    expect(organisation).toBe(true);
    expect(Object.values(rest)).toEqual(Array.from({ length: 6 }, () => false));
    const colleaguesStep = async () => (await firstSteps(db.read)).find(({ id }) => id === 'colleagues')!;
    expect((await colleaguesStep()).sentence).toMatch(/^Missing: an owner, .* and somebody else who may publish\./);
    const give = (...roles: string[]) => db.write((tx) => changeRoles(tx, null, 'amal', roles, NOW));
    await give('admin', 'approver');
    expect((await colleaguesStep()).sentence).toMatch(/^Missing: an owner, who .* facts\./);
    await give('admin', 'owner');
    expect((await colleaguesStep()).sentence).toMatch(/^Missing: somebody who may publish\./);
    await give('admin', 'owner', 'approver');
    expect(await colleaguesStep()).toMatchObject({
      done: false,
      sentence: expect.stringMatching(/^Missing: a second/),
    });
    await give('admin');
    // Each step that is still to do leads somewhere.
    for (const step of (await firstSteps(db.read)).filter((one) => !one.done && one.id !== 'confirmer'))
      expect(step.links?.length ?? 0, step.id).toBeGreaterThan(0);
    expect(await home(db.read, { id: 'amal', roles: ['admin'] }, NOW)).toEqual({
      headline: 'Nothing is here yet.',
      yours: [],
      rows: [],
      holding: [],
      loose: [],
    });
  });
});
