import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Reader } from '../../db/client.ts';
import { publishedVersions } from '../../db/schema/proofs.ts';
import { versionHash } from '../../src/proofs/chain.ts';
import { readContent, type SourceDocument } from '../../src/proofs/content.ts';
import { publishDocument } from '../../src/proofs/publish.ts';
import {
  issueStates,
  issueWithState,
  newestOf,
  newestOfAll,
  proofWithState,
  publishedCheckins,
  publishedIssues,
  publishedLetter,
  publishedOffer,
  publishedOffers,
  publishedPage,
  publishedProof,
  publishedProofs,
  publishedSite,
} from '../../src/proofs/published.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { contentFiles, writeFolder } from './folder.ts';

const now = new Date('2026-11-22T09:00:00Z');
const by = { confirmedBy: 'priya', approvedBy: 'sander', reason: 'A word was wrong.', now };
const none = new Map();

let db: FreshDatabase;
let documents: SourceDocument[];
let proof: SourceDocument;

beforeEach(async () => {
  db = await freshDatabase();
  const folder = writeFolder(contentFiles());
  documents = (await readContent(folder.dir)).documents;
  folder.remove();
  proof = documents.find((document) => document.collection === 'proofs')!;
});
afterEach(() => db.cleanup());

const publish = (document: SourceDocument, changes: Partial<typeof by> = {}) =>
  db.write((tx) => publishDocument(tx, { ...document, ...by, ...changes }));

async function publishAll() {
  for (const document of documents) expect(isRefusal(await publish(document))).toBe(false);
}

/** The same proof, with one more word, as a new version. */
const edited = (word: string) => ({
  ...proof,
  source: proof.source.replace('Then we were slow.', `Then we were ${word}.`),
});

describe('publishing', () => {
  test('in the order they are read, the documents of a folder all go through', async () => {
    await publishAll();
    expect(await publishedSite(db.read)).toMatchObject({ organisation: 'Northline' });
    expect((await publishedIssues(db.read)).map(({ id }) => id)).toEqual(['exports-failed']);
    expect(await publishedOffer(db.read, 'team')).toMatchObject({ data: { amount: 960 } });
    expect(await publishedOffers(db.read)).toHaveLength(1);
    expect(await publishedCheckins(db.read)).toMatchObject([{ data: { issue: 'exports-failed' } }]);
    expect(await publishedPage(db.read, 'how-we-count')).toMatchObject({ body: 'By hand.' });
    expect(await publishedLetter(db.read, 'back')).toMatchObject({ data: { subject: 'You are back' } });
    expect(await publishedProof(db.read, 'exports-finish')).toMatchObject({
      version: 1,
      publishedAt: now.getTime(),
      line: '20% failed. 0.3% fail now.',
      summaries: [{ before: 20, after: 0.3, weeks: 7 }],
      points: { failed: { length: 18 } },
    });
    expect(await publishedProof(db.read, 'nowhere')).toBeNull();
  });

  test('the same again makes no new version, a change does, and the hashes form a chain', async () => {
    await publishAll();
    const first = await db.read.select().from(publishedVersions).where(sql`collection = 'proofs'`);
    expect(await publish(proof)).toEqual({ version: 1, hash: first[0]!.hash, isNew: false });
    expect(await publish(edited('slower'))).toMatchObject({ version: 2, isNew: true });
    const csv = { 'failed.csv': `${proof.assets['failed.csv']}2026-07-27,0.3,100\n` };
    expect(await publish({ ...edited('slower'), assets: csv })).toMatchObject({ version: 3, isNew: true });

    const versions = await db.read
      .select()
      .from(publishedVersions)
      .where(sql`collection = 'proofs'`)
      .orderBy(publishedVersions.version);
    expect(versions).toHaveLength(3);
    let previousHash: string | null = null;
    for (const { collection, documentId, version, source, assets, hash, ...row } of versions) {
      expect(row.previousHash).toBe(previousHash);
      expect(versionHash({ collection, id: documentId, version, source, assets, previousHash })).toBe(hash);
      expect(versionHash({ collection, id: documentId, version, source: `${source} `, assets, previousHash })).not.toBe(
        hash,
      );
      previousHash = hash;
    }
    expect(await publishedProof(db.read, proof.id)).toMatchObject({
      version: 3,
      body: expect.stringContaining('slower'),
    });
    expect((await publishedProofs(db.read)).map(({ version }) => version)).toEqual([3]);
  });

  test('a claim that its evidence does not carry is refused, whoever asks, and nothing is stored', async () => {
    await publishAll();
    const refused = await publish({ ...proof, source: proof.source.replace('{after} fail now', '0.1% fail now') });
    expect(refused).toMatchObject({ refused: true, code: 'problems', problems: [{ line: 3, rule: 'S203' }] });
    expect(await db.read.$count(publishedVersions)).toBe(documents.length);
  });

  test('what refers to something unpublished is refused', async () => {
    expect(await publish(documents[0]!)).toMatchObject({ version: 1 });
    expect(await publish(proof)).toMatchObject({
      problems: [{ rule: 'reference', sentence: expect.stringContaining('exports-failed') }],
    });
  });

  test('one person alone can not publish', async () => {
    expect(await publish(documents[0]!, { approvedBy: by.confirmedBy })).toMatchObject({
      refused: true,
      code: 'alone',
    });
  });
});

describe('states of what is published', () => {
  test('say what holds, and turn with the answers of people who returned', async () => {
    await publishAll();
    const [home] = await issueStates(db.read, none, now);
    expect(home).toMatchObject({
      issue: { id: 'exports-failed' },
      state: { state: 'holding', weeks: 7 },
      proofs: [{ proof: { id: 'exports-finish' }, state: { state: 'holding' } }],
    });
    const noes = new Map([['exports-failed', ['a', 'b', 'c'].map((personId) => ({ on: '2026-11-20', personId }))]]);
    expect(await issueWithState(db.read, 'exports-failed', noes, now)).toMatchObject({
      state: { state: 'came_back', since: '2026-11-20' },
      proofs: [{ state: { state: 'came_back' } }],
    });
    expect(await proofWithState(db.read, 'exports-finish', noes, now)).toMatchObject({ state: { state: 'came_back' } });
    expect(await issueWithState(db.read, 'nowhere', none, now)).toBeNull();
    expect(await proofWithState(db.read, 'nowhere', none, now)).toBeNull();
  });

  test('a new measurement beyond the limit turns the page with the next look', async () => {
    await publishAll();
    const csv = { 'failed.csv': `${proof.assets['failed.csv']}2026-11-16,2.5,100\n` };
    await publish({ ...proof, source: proof.source.replace('{weeks} weeks', '24 weeks'), assets: csv });
    expect(await issueWithState(db.read, 'exports-failed', none, now)).toMatchObject({
      state: { state: 'came_back', since: '2026-11-16', crossing: { value: 2.5 } },
    });
  });

  test('today is the day it is where the organisation is', async () => {
    await publishAll();
    const justBefore = new Date('2026-05-31T22:59:00Z'); // 31 May, 23:59 in London
    expect((await proofWithState(db.read, proof.id, none, justBefore))!.state.state).toBe('not_yet');
    expect((await proofWithState(db.read, proof.id, none, new Date('2026-05-31T23:01:00Z')))!.state.state).toBe(
      'watching',
    );
  });
});

describe('reading many versions', () => {
  /** The reader, counting what it is asked. */
  function counting(reader: Reader) {
    const asked = { queries: 0 };
    const counted = new Proxy(reader, {
      get(target, name, receiver) {
        if (name === 'all' || name === 'select') asked.queries += 1;
        return Reflect.get(target, name, receiver);
      },
    });
    return { asked, counted };
  }

  test('takes the same few queries for one proof or for sixty, and none of the old versions', async () => {
    await publishAll();
    for (let number = 1; number <= 60; number += 1) await publish({ ...edited(`n${number}`), id: `proof-${number}` });
    for (let version = 0; version < 20; version += 1) await publish(edited(`v${version}`));
    const { asked, counted } = counting(db.read);
    const states = await issueStates(counted, none, now);
    expect(states[0]!.proofs).toHaveLength(61);
    expect(asked.queries).toBeLessThanOrEqual(6);
    asked.queries = 0;
    await issueStates(counted, none, now);
    expect(asked.queries).toBe(0); // nothing was written since
    await publish(edited('v20'));
    await issueStates(counted, none, now);
    expect(asked.queries).toBe(6);
    expect(states[0]!.proofs.find(({ proof: one }) => one.id === proof.id)!.proof.version).toBe(21);
  });

  test('goes by the index, document by document', async () => {
    for (const query of [newestOfAll('proofs'), newestOf('proofs', 'exports-finish')]) {
      const plan = await db.read.all<[number, number, number, string]>(sql`explain query plan ${query}`);
      const steps = plan.map((step) => step[3]).filter((step) => /published_versions|\bv\b/.test(step));
      expect(steps.length).toBeGreaterThan(0);
      for (const step of steps)
        expect(step).toMatch(/^SEARCH .*USING (COVERING )?INDEX published_versions_document \(collection=\?/);
    }
  });
});
