import { afterEach, beforeEach, expect, test } from 'vitest';
import { noAnswersByIssue } from '../../src/checkins/answers.ts';
import { addMeasurements, measurementsOf } from '../../src/proofs/measurements.ts';
import { circumstancesOf, proofWithState, publishedSite } from '../../src/proofs/published.ts';
import { checkFile, checkFileOf, versionFileOf } from '../../src/proofs/served.ts';
import { type Served, verifyProof } from '../../src/proofs/verify.ts';
import { correctedBetween, correctionsOf, latestVersionsOf, versionsOf } from '../../src/proofs/versions.ts';
import { approve, confirmFacts, factsIn, factsToTick, sendToOwner } from '../../src/staff/approval.ts';
import { contentHash, type Draft } from '../../src/staff/draft.ts';
import { openDraft, saveDraft } from '../../src/staff/drafts.ts';
import { proofInDraft, reviewOf } from '../../src/staff/review.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { later, NOW, seededDatabase } from '../support/seeded.ts';

/* What arrived stays what it was: a version may correct it, and nobody who answers, publishes or reads can miss that. */

const PROOF = { collection: 'proofs', documentId: 'exports-finish' } as const;
const FILE = 'exports-weekly.csv';
const BECOMES = '24.5% becomes 1.4%';
const SENTENCE = '22 November 2026: 24.5% when it arrived, 1.4% now. By the first value it had come back.';
const REASON = 'Newer numbers.';

let db: FreshDatabase;
beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

const seen = (draft: Draft, by: string) => ({ draftId: draft.id, contentHash: contentHash(draft), by });
const arrives = (now = NOW) =>
  db.write((tx) =>
    addMeasurements(
      tx,
      { proofId: PROOF.documentId, seriesId: 'failed' },
      [{ on: '2026-11-22', value: 24.5, n: 5000, sourceId: 'w47' }],
      { sentBy: 'command', now },
    ),
  );
const written = (change: (csv: string) => string, source = (text: string) => text) =>
  db.write(async (tx) => {
    const draft = must(await openDraft(tx, { ...PROOF, by: 'grace' }, NOW));
    const assets = { ...draft.assets, [FILE]: change(draft.assets[FILE]!) };
    const answer = must(await saveDraft(tx, { ...draft, source: source(draft.source), assets, by: 'grace' }, NOW));
    if (!('saved' in answer)) throw new Error('Somebody else saved.');
    return answer.saved;
  });
/** As the document has them: what is new is ticked first. */
const inOrder = (facts: Awaited<ReturnType<typeof factsToTick>>) =>
  facts
    .map(({ asPublished: _, ...fact }) => fact)
    .toSorted((a, b) => Number(a.id.slice('fact-'.length)) - Number(b.id.slice('fact-'.length)));
const corrected = () => written((csv) => csv.replace('2026-11-22,24.5,', '2026-11-22,1.4,'));
const confirm = async (draft: Draft, ticked?: string[]) => {
  const all = ticked ?? (await factsToTick(db.read, draft)).map(({ id }) => id);
  return db.write((tx) => confirmFacts(tx, { ...seen(draft, 'priya'), ticked: all }, NOW));
};
const publish = (draft: Draft, now = NOW) =>
  db.write((tx) => approve(tx, { ...seen(draft, 'sander'), reason: REASON }, now));

async function published(draft: Draft) {
  must(await db.write((tx) => sendToOwner(tx, seen(draft, 'grace'), NOW)));
  must(await confirm(draft));
  must(await publish(draft));
}

async function served(): Promise<Served> {
  const [site, answers] = await Promise.all([publishedSite(db.read), noAnswersByIssue(db.read)]);
  const { proof, state } = (await proofWithState(db.read, PROOF.documentId, answers, NOW))!;
  const { today } = circumstancesOf(site, NOW);
  const [light, arrived] = await Promise.all([
    versionsOf(db.read, PROOF.documentId),
    measurementsOf(db.read, PROOF.documentId),
  ]);
  const check = checkFile.parse(
    JSON.parse(JSON.stringify(checkFileOf(proof, state, light, arrived, answers, { site, today }))),
  );
  const versions = await latestVersionsOf(db.read, PROOF.documentId, 100);
  return { check, versions: new Map(versions.map((one) => [one.version, versionFileOf(one, site)])) };
}

test('its owner ticks a correction by itself, before all else, with the value then and now', async () => {
  await arrives();
  const draft = await corrected();
  const [first, ...others] = await factsToTick(db.read, draft);
  expect(first).toMatchObject({ value: BECOMES, computed: false });
  expect(first!.places[0]!.sentence).toBe('Measured on 22 November 2026, public since 22 November 2026');
  expect(inOrder(others)).toEqual(factsIn(draft));
  must(await db.write((tx) => sendToOwner(tx, seen(draft, 'grace'), NOW)));
  expect(
    await confirm(
      draft,
      others.map(({ id }) => id),
    ),
  ).toMatchObject({ code: 'unticked' });
});

test('whoever publishes sees the change, and the state then and after', async () => {
  await arrives();
  const draft = await corrected();
  const review = (await reviewOf(db.read, PROOF, NOW))!;
  expect(review.changes).toMatchObject([{ on: '2026-11-22', was: { value: 24.5 }, now: { value: 1.4 } }]);
  expect(review.states).toMatchObject({ was: { state: 'came_back' }, now: { state: 'holding' } });
  expect((await proofInDraft(db.read, draft, NOW))!.corrections).toMatchObject([{ sentence: SENTENCE }]);
});

test('a published number that changes or goes is ticked too, all of a series at once', async () => {
  const draft = await written((csv) =>
    csv.replace('2026-11-15,0.3,5147\n', '').replace('2026-11-08,0.3,', '2026-11-08,0.1,'),
  );
  const [first, second] = await factsToTick(db.read, draft);
  expect(first).toMatchObject({
    value: '2 public measurements of “Share of exports that failed, weekly” change',
    places: [
      { field: 'Public', sentence: '8 November 2026: 0.3% becomes 0.1%' },
      { field: 'Public', sentence: '15 November 2026: 0.3% is taken away' },
    ],
  });
  expect(second!.asPublished, 'what changed with it comes next').toBeUndefined();
});

test('readers see it on the page and among the versions, with the day and the reason', async () => {
  await arrives();
  await published(await corrected());
  const { proof } = (await proofWithState(db.read, PROOF.documentId, new Map(), NOW))!;
  expect(await correctionsOf(db.read, proof)).toEqual([
    { sentence: SENTENCE, version: 2, publishedAt: NOW.getTime(), reason: REASON },
  ]);
  const [after, before] = await latestVersionsOf(db.read, PROOF.documentId, 2);
  const links = await measurementsOf(db.read, PROOF.documentId);
  expect(correctedBetween(before!, after!, links)).toEqual([SENTENCE.replace('when it arrived', 'before')]);
});

test('a later version that says nothing new of it leaves the correction where it was', async () => {
  await arrives();
  await published(await corrected());
  await published(
    await written(
      (csv) => csv,
      (text) => `${text.trimEnd()}\n\nWe should have said so sooner.\n`,
    ),
  );
  const { proof } = (await proofWithState(db.read, PROOF.documentId, new Map(), NOW))!;
  expect((await correctionsOf(db.read, proof)).map(({ version }) => version)).toEqual([2]);
  const [after, before] = await latestVersionsOf(db.read, PROOF.documentId, 2);
  expect(correctedBetween(before!, after!, await measurementsOf(db.read, PROOF.documentId))).toEqual([]);
});

test('a version that only takes in what arrived corrects nothing', async () => {
  await arrives();
  const draft = await written(
    (csv) => csv,
    (text) => `${text.trimEnd()}\n\nWe should have said so sooner.\n`,
  );
  expect(inOrder(await factsToTick(db.read, draft))).toEqual(factsIn(draft));
  await published(draft);
  expect(verifyProof(PROOF.documentId, await served(), NOW)).toMatchObject({ differences: [], corrected: [] });
});

test('a series that is renamed is named as gone, with what had arrived for it', async () => {
  await arrives();
  const draft = await written(
    (csv) => csv.replace('2026-11-22,24.5,5000\n', ''),
    (text) => text.replace('- id: failed', '- id: failing'),
  );
  expect((await factsToTick(db.read, draft))[0]!.value).toMatch(/^\d+ public measurements of /);
  const { corrections } = (await proofInDraft(db.read, draft, NOW))!;
  expect(corrections.map(({ sentence }) => sentence)).toEqual([
    '“failed” is not shown any more. 1 measurement had arrived for it, the last 24.5 on 22 November 2026.',
  ]);
});

test('whoever checks from outside is told of it, and it differs only where the page hides it', async () => {
  await arrives();
  await published(await corrected());
  const files = await served();
  const told = `${SENTENCE} Version 2 says so on 22 November 2026: “${REASON}”`;
  expect(verifyProof(PROOF.documentId, files, NOW)).toMatchObject({ differences: [], corrected: [told] });
  const { claims } = files.check;
  const hashes = [files.check.versions.at(-1)!.hash, files.check.arrived[0]!.hash];
  const before = claims.series.flatMap((one) => [`${one.before}%`, `${one.after}%`]);
  const silent = [claims.state.words, claims.headline, claims.lede, ...before, ...hashes].join(' ');
  const on = (words: string) => verifyProof(PROOF.documentId, { ...files, html: `<body>${silent} ${words}` }, NOW);
  const hidden = on('').differences.filter(({ what }) => what === 'correction');
  expect(hidden.map(({ sentence }) => sentence)).toEqual([
    `The page hides a correction of version 2: “${SENTENCE}” It was published because “${REASON}”`,
  ]);
  expect(on(SENTENCE).differences.filter(({ what }) => what === 'correction')).toHaveLength(1);
  expect(on(`${SENTENCE} ${REASON}`).differences.filter(({ what }) => what === 'correction')).toEqual([]);
});

test('what arrives after its owner confirmed keeps a version that says otherwise from being published', async () => {
  const draft = await written((csv) => `${csv}2026-11-22,1.4,5000\n`);
  must(await db.write((tx) => sendToOwner(tx, seen(draft, 'grace'), NOW)));
  must(await confirm(draft));
  await arrives(later(60_000));
  expect(await publish(draft, later(120_000))).toMatchObject({ code: 'corrected' });
});
