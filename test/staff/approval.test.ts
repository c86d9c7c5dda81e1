import { and, desc, eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { drafts, signOffs } from '../../db/schema/desk.ts';
import { letters } from '../../db/schema/mail.ts';
import { publishedVersions } from '../../db/schema/proofs.ts';
import { audit, type Role, staff } from '../../db/schema/staff.ts';
import { scheduled } from '../../src/jobs/rounds.ts';
import { publishDocument } from '../../src/proofs/publish.ts';
import { publishedIssue } from '../../src/proofs/published.ts';
import {
  approve,
  confirmFacts,
  factsIn,
  publishDueDrafts,
  sendBack,
  sendToOwner,
  standingOf,
  unschedule,
} from '../../src/staff/approval.ts';
import { firstBrokenEntry } from '../../src/staff/audit.ts';
import { endAccess } from '../../src/staff/colleagues.ts';
import { contentHash, type Draft } from '../../src/staff/draft.ts';
import { openDraft, saveDraft } from '../../src/staff/drafts.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';

const PROOF = { collection: 'proofs', documentId: 'exports-finish' } as const;
const REASON = 'One sentence said too much.';
let db: FreshDatabase;

beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

const give = (id: string, ...roles: Role[]) =>
  db.write((tx) => tx.update(staff).set({ roles }).where(eq(staff.id, id)));

/** The draft of a proof with one more sentence in it. */
async function written(by = 'grace', name: { collection: Draft['collection']; documentId: string } = PROOF) {
  return db.write(async (tx) => {
    const draft = must(await openDraft(tx, { ...name, by }, NOW));
    const source = `${draft.source.trimEnd()}\n\nWe should have said so sooner.\n`;
    const answer = must(await saveDraft(tx, { ...draft, source, by }, NOW));
    if (!('saved' in answer)) throw new Error('Somebody else saved.');
    return answer.saved;
  });
}

const seen = (draft: Draft, by: string) => ({ draftId: draft.id, contentHash: contentHash(draft), by });
const all = (draft: Draft) => factsIn(draft).map(({ id }) => id);
const send = (draft: Draft, by = 'grace') => db.write((tx) => sendToOwner(tx, seen(draft, by), NOW));
const confirm = (draft: Draft, by = 'priya', ticked = all(draft)) =>
  db.write((tx) => confirmFacts(tx, { ...seen(draft, by), ticked }, NOW));
const publish = (draft: Draft, by = 'sander', reason = REASON, publishAt: Date | null = null) =>
  db.write((tx) => approve(tx, { ...seen(draft, by), reason, publishAt }, NOW));
const lettersOf = async (kind: string) =>
  (await db.read.select().from(letters).where(eq(letters.kind, kind)))
    .map(({ toAddress }) => toAddress.split('@')[0]!)
    .sort();
const newest = async (id: string = PROOF.documentId) => {
  const [row] = await db.read
    .select()
    .from(publishedVersions)
    .where(and(eq(publishedVersions.collection, 'proofs'), eq(publishedVersions.documentId, id)))
    .orderBy(desc(publishedVersions.version));
  return row!;
};

async function confirmed() {
  const draft = await written();
  must(await send(draft));
  must(await confirm(draft));
  return draft;
}

test('a writer sends, the owner confirms each number, a third person publishes: the version says who', async () => {
  const draft = await written();
  expect(must(await send(draft))).toMatchObject({ status: 'sent', owner: 'priya' });
  expect(await lettersOf('please-confirm')).toEqual(['priya.nair']);
  expect(must(await confirm(draft))).toMatchObject({ status: 'confirmed' });
  expect(await lettersOf('please-approve')).toEqual(['ruth.abernethy', 'sander.dewit']);
  expect(must(await publish(draft))).toMatchObject({ version: 2, isNew: true });
  expect(await newest()).toMatchObject({ version: 2, confirmedBy: 'priya', approvedBy: 'sander', reason: REASON });
  expect(await db.read.select().from(drafts)).toEqual([]);
  expect(await db.read.select().from(signOffs)).toEqual([]);
  expect(await lettersOf('published')).toEqual(['grace.adeyemi', 'priya.nair']);
  const record = await db.read.select().from(audit).where(eq(audit.subject, 'proofs:exports-finish'));
  expect(record.map(({ staffId, action }) => [staffId, action])).toEqual([
    ['grace', 'began'],
    ['grace', 'saved'],
    ['grace', 'sent'],
    ['priya', 'confirmed'],
    ['sander', 'published'],
  ]);
  expect(await firstBrokenEntry(db.read)).toBeNull();
});

test('an issue is published the same way, and a page without an owner needs no confirmation', async () => {
  const issue = await written('grace', { collection: 'issues', documentId: 'exports-failed' });
  must(await send(issue));
  must(await confirm(issue));
  expect(must(await publish(issue))).toMatchObject({ version: 2 });
  const page = await written('grace', { collection: 'pages', documentId: 'how-we-count' });
  expect(must(await send(page))).toMatchObject({ status: 'confirmed', owner: null });
  expect(await confirm(page)).toMatchObject({ code: 'no-owner' });
  expect(must(await publish(page))).toMatchObject({ version: 2 });
});

test('an issue is public from its first approved version, which needs no reason', async () => {
  const source = `---
title: Invoices came twice
summary: People paid the same invoice two times and noticed it weeks later.
gap: trust
affects: [customer]
owner: owen
started_on: 2026-09-01
known_on: 2026-10-05
---
We sent 40 invoices twice in September 2026. We found out when the third person wrote.
`;
  const name = { collection: 'issues', documentId: 'invoices-twice' } as const;
  const draft = must(
    await db.write((tx) => openDraft(tx, { ...name, by: 'grace', prefilled: { source, assets: {} } }, NOW)),
  );
  must(await send(draft));
  expect(await publishedIssue(db.read, 'invoices-twice')).toBeNull();
  must(await confirm(draft, 'owen'));
  expect(must(await publish(draft, 'sander', ''))).toMatchObject({ version: 1 });
  expect(await publishedIssue(db.read, 'invoices-twice')).toMatchObject({ data: { owner: 'owen' } });
});

describe('refused', () => {
  test('each with its sentence: what is not sent, not confirmed, not ticked, not theirs', async () => {
    const draft = await written();
    expect(await confirm(draft)).toMatchObject({ code: 'not-sent' });
    expect(await publish(draft)).toMatchObject({ code: 'unconfirmed' });
    must(await send(draft));
    expect(await send(draft)).toMatchObject({ code: 'sent' });
    expect(await publish(draft)).toMatchObject({ code: 'unconfirmed' });
    const [first, ...rest] = all(draft);
    expect(await confirm(draft, 'priya', rest)).toMatchObject({
      code: 'unticked',
      sentence: expect.stringContaining('Left: 1, the first is 4 March 2026'),
    });
    expect(await confirm(draft, 'priya', [first!])).toMatchObject({ code: 'unticked' });
    expect(await confirm(draft, 'tomasz')).toMatchObject({
      code: 'not-owner',
      sentence: expect.stringContaining('Priya Nair'),
    });
    expect(await confirm(draft, 'grace')).toMatchObject({ code: 'role' });
    must(await confirm(draft));
    expect(await publish(draft, 'grace')).toMatchObject({ code: 'role' });
    expect(await publish(draft, 'nobody')).toMatchObject({ code: 'left' });
    expect(await publish(draft, 'sander', ' ')).toMatchObject({ code: 'reason' });
    expect((await newest()).version).toBe(1);
  });

  test('a sign-off for other content: a changed letter takes it back to its writers', async () => {
    const draft = await confirmed();
    const changed = must(
      await db.write((tx) =>
        saveDraft(tx, { ...draft, source: draft.source.replace('sooner', 'earlier'), by: 'grace' }, NOW),
      ),
    );
    if (!('saved' in changed)) throw new Error('not saved');
    expect(await publish(draft)).toMatchObject({ code: 'changed' });
    expect(await publish(changed.saved)).toMatchObject({ code: 'unconfirmed' });
    expect(await confirm(changed.saved)).toMatchObject({ code: 'not-sent' });
    expect(await standingOf(db.read, changed.saved)).toMatchObject({ status: 'writing' });
  });

  test('a draft that the rules refuse, or that says nothing new, is not even sent', async () => {
    const draft = must(await db.write((tx) => openDraft(tx, { ...PROOF, by: 'grace' }, NOW)));
    expect(await send(draft)).toMatchObject({ code: 'same' });
    const source = draft.source.replace('{after} fail now', '0.1% fail now');
    const answer = must(await db.write((tx) => saveDraft(tx, { ...draft, source, by: 'grace' }, NOW)));
    if (!('saved' in answer)) throw new Error('not saved');
    expect(await send(answer.saved)).toMatchObject({ code: 'problems', sentence: expect.stringContaining('0.1%') });
  });

  test('an owner who can not confirm at the desk: the sentence says what to do', async () => {
    const draft = await written();
    const source = draft.source.replace('owner: priya', 'owner: yusuf');
    const answer = must(await db.write((tx) => saveDraft(tx, { ...draft, source, by: 'grace' }, NOW)));
    if (!('saved' in answer)) throw new Error('not saved');
    expect(await send(answer.saved)).toMatchObject({
      code: 'owner',
      sentence: expect.stringContaining('ask an admin'),
    });
  });

  test('who left: to send, to confirm, to publish, and as the one who confirmed', async () => {
    const draft = await written();
    await db.write((tx) => endAccess(tx, null, 'grace', NOW));
    expect(await send(draft)).toMatchObject({ code: 'left' });
    await db.write((tx) => tx.update(staff).set({ leftAt: null }).where(eq(staff.id, 'grace')));
    must(await send(draft));
    must(await confirm(draft));
    await db.write((tx) => endAccess(tx, null, 'ruth', NOW));
    expect(await publish(draft, 'ruth')).toMatchObject({ code: 'left' });
    await db.write((tx) => endAccess(tx, null, 'priya', NOW));
    expect(await publish(draft)).toMatchObject({ code: 'owner' });
    expect(await db.write((tx) => publishDocument(tx, direct(draft, { approvedBy: 'ruth' })))).toMatchObject({
      code: 'left',
    });
  });
});

const direct = (draft: Draft, changes: Partial<Parameters<typeof publishDocument>[1]> = {}) => ({
  collection: draft.collection,
  id: draft.documentId,
  source: draft.source,
  assets: draft.assets,
  confirmedBy: 'priya',
  approvedBy: 'sander',
  writers: draft.writers,
  reason: REASON,
  now: NOW,
  ...changes,
});

describe('one person alone can not publish, whatever roles they hold', () => {
  const EVERY: Role[] = ['writer', 'owner', 'approver', 'hr', 'operator', 'admin'];

  test('the only one there is, who writes, owns and may publish', async () => {
    await give('priya', ...EVERY);
    const draft = await written('priya');
    must(await send(draft, 'priya'));
    must(await confirm(draft));
    expect(await publish(draft, 'priya')).toMatchObject({ code: 'alone' });
    expect(await publish(draft, 'priya', REASON, later(DAY_MS))).toMatchObject({ code: 'alone' });
    expect(await db.write((tx) => publishDocument(tx, direct(draft, { approvedBy: 'priya' })))).toMatchObject({
      code: 'alone',
    });
    // A writer may own it: then the approver is the second person.
    expect(must(await publish(draft))).toMatchObject({ version: 2 });
  });

  test('an owner of what somebody else wrote', async () => {
    await give('priya', ...EVERY);
    const draft = await confirmed();
    expect(await publish(draft, 'priya')).toMatchObject({ code: 'alone' });
  });

  test('a writer of one word of it, also where nobody has to confirm', async () => {
    await give('sander', ...EVERY);
    const draft = await written('sander');
    must(await send(draft));
    must(await confirm(draft));
    expect(await publish(draft)).toMatchObject({ code: 'alone' });
    expect(await db.write((tx) => publishDocument(tx, direct(draft)))).toMatchObject({ code: 'alone' });
    const page = await written('sander', { collection: 'pages', documentId: 'how-we-count' });
    must(await send(page, 'sander'));
    expect(await publish(page)).toMatchObject({ code: 'alone' });
    expect(must(await publish(page, 'ruth'))).toMatchObject({ version: 2 });
  });

  test('not by going past the desk: the one door asks too', async () => {
    const draft = await written();
    const past = (changes: Parameters<typeof direct>[1]) =>
      db.write((tx) => publishDocument(tx, direct(draft, changes)));
    expect(await past({ confirmedBy: null })).toMatchObject({ code: 'unconfirmed' });
    expect(await past({ confirmedBy: 'tomasz' })).toMatchObject({ code: 'unconfirmed' });
    expect(await past({ confirmedBy: 'sander', approvedBy: 'priya' })).toMatchObject({ code: 'alone' });
    expect(await past({ reason: null })).toMatchObject({ code: 'reason' });
    expect((await newest()).version).toBe(1);
  });
});

describe('on a day', () => {
  const TOMORROW = later(DAY_MS);

  test('it is published by the round, once, and not before', async () => {
    const draft = await confirmed();
    expect(must(await publish(draft, 'sander', REASON, TOMORROW))).toEqual({ scheduledFor: TOMORROW });
    expect((await newest()).version).toBe(1);
    expect(await scheduled(db, later(DAY_MS - 1))).toBe(0);
    expect(await publish(draft, 'ruth')).toMatchObject({ code: 'scheduled' });
    expect(await Promise.all([publishDueDrafts(db, TOMORROW), publishDueDrafts(db, TOMORROW)])).toContain(1);
    expect(await newest()).toMatchObject({ version: 2, confirmedBy: 'priya', approvedBy: 'sander', reason: REASON });
    expect(await publishDueDrafts(db, later(2 * DAY_MS))).toBe(0);
  });

  test('a past day is refused, and a day can be taken away', async () => {
    const draft = await confirmed();
    expect(await publish(draft, 'sander', REASON, NOW)).toMatchObject({ code: 'past' });
    must(await publish(draft, 'sander', REASON, TOMORROW));
    expect(must(await db.write((tx) => unschedule(tx, seen(draft, 'ruth'), NOW)))).toMatchObject({
      status: 'confirmed',
    });
    expect(await publishDueDrafts(db, TOMORROW)).toBe(0);
  });

  test('a word saved after the approval takes the day away', async () => {
    const draft = await confirmed();
    must(await publish(draft, 'sander', REASON, TOMORROW));
    await db.write((tx) =>
      saveDraft(tx, { ...draft, source: draft.source.replace('sooner', 'earlier'), by: 'grace' }, NOW),
    );
    expect(await publishDueDrafts(db, TOMORROW)).toBe(0);
    expect((await newest()).version).toBe(1);
  });

  const meanwhile: [string, (draft: Draft) => Promise<unknown>][] = [
    ['its approver left', () => db.write((tx) => endAccess(tx, null, 'ruth', NOW))],
    ['its approver may not publish any more', () => give('ruth', 'hr')],
    ['its owner left', () => db.write((tx) => endAccess(tx, null, 'priya', NOW))],
    [
      'somebody it names is no longer named by the site',
      async () => {
        const [site] = await db.read.select().from(publishedVersions).where(eq(publishedVersions.collection, 'site'));
        const source = site!.source.replace(/ {2}yusuf:\n(?: {4}.*\n)+/, '');
        const document = { collection: 'site', id: 'site', source, assets: {} } as const;
        const who = { confirmedBy: null, approvedBy: 'sander', reason: 'He left.', now: NOW };
        must(await db.write((tx) => publishDocument(tx, { ...document, ...who })));
      },
    ],
  ];
  test.each(meanwhile)(
    'refused by then because %s: nothing is published, it goes back, and they hear of it',
    async (_, happens) => {
      const draft = await confirmed();
      must(await publish(draft, 'ruth', REASON, TOMORROW));
      await happens(draft);
      const before = await db.read.$count(publishedVersions);
      expect(await publishDueDrafts(db, TOMORROW)).toBe(0);
      expect(await db.read.$count(publishedVersions)).toBe(before);
      const [back] = await db.read.select().from(drafts);
      expect(back!.publishAt).toBeNull();
      expect(await standingOf(db.read, back!)).toMatchObject({
        status: 'returned',
        returned: { note: expect.stringContaining('Not published on its day') },
      });
      expect(await lettersOf('not-published')).toContain('grace.adeyemi');
      expect(await publishDueDrafts(db, later(2 * DAY_MS))).toBe(0);
    },
  );
});

describe('sent back', () => {
  test('by the owner or an approver, with a note; sent again it needs everything anew', async () => {
    const draft = await written();
    const back = (by: string, note = 'The second number is last year’s.') =>
      db.write((tx) => sendBack(tx, { ...seen(draft, by), note }, NOW));
    expect(await back('priya')).toMatchObject({ code: 'role' });
    expect(await back('sander')).toMatchObject({ code: 'not-sent' });
    must(await send(draft));
    expect(await back('tomasz')).toMatchObject({ code: 'role' });
    expect(await back('priya', 'no')).toMatchObject({ code: 'note' });
    expect(must(await back('priya'))).toMatchObject({ status: 'returned', returned: { staffId: 'priya' } });
    expect(await lettersOf('returned')).toEqual(['grace.adeyemi']);
    must(await send(draft));
    must(await confirm(draft));
    must(await back('sander'));
    expect(await publish(draft)).toMatchObject({ code: 'unconfirmed' });
    must(await send(draft));
    expect(await publish(draft)).toMatchObject({ code: 'unconfirmed' });
  });

  test('no letter to staff holds the note', async () => {
    const draft = await written();
    must(await send(draft));
    await db.write((tx) => sendBack(tx, { ...seen(draft, 'priya'), note: 'Maya Rennick never said that.' }, NOW));
    const bodies = await db.read.select().from(letters);
    expect(bodies.filter(({ body, subject }) => /Maya/.test(body + subject))).toEqual([]);
    expect(bodies.filter(({ body }) => /\{\w+\}/.test(body))).toEqual([]);
  });
});
