import { eq } from 'drizzle-orm';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { confirmations, drafts, pictures } from '../../db/schema/desk.ts';
import { complaints, peopleCounts, persons } from '../../db/schema/people.ts';
import { countPeople, peoplePerIssue, publicCount } from '../../src/people/counts.ts';
import { erasePerson } from '../../src/people/erase.ts';
import { keepOnlyWhatWeMay } from '../../src/people/retention.ts';
import { isWithdrawn } from '../../src/people/suppression.ts';
import { tallyWords } from '../../src/proofs/looks/sentences.ts';
import { publishDocument } from '../../src/proofs/publish.ts';
import { latestVersionsOf } from '../../src/proofs/versions.ts';
import { newId } from '../../src/shared/ids.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';

/* What nobody outside can put together again: one person out of public counts, and whoever was erased out of what stays. */

const FLOOR = { customer: 10, employee: 20 };

describe('public counts single nobody out', () => {
  /** All true counts that a published one allows. */
  const allowed = (shown: number | null, floor: number): [number, number] =>
    shown === null ? [0, floor - 1] : [Math.max(shown, floor), shown + 9];

  test('no difference of two counts, of nested groups or of two days, pins a number between one and the floor', () => {
    let isolated = 0;
    fc.assert(
      fc.property(
        fc.constantFrom('customer' as const, 'employee' as const),
        fc.nat(400),
        fc.nat(60),
        (kind, fewer, more) => {
          const floor = FLOOR[kind];
          const [before, after] = [publicCount(fewer, floor), publicCount(fewer + more, floor)];
          const [[lowBefore, highBefore], [lowAfter, highAfter]] = [allowed(before, floor), allowed(after, floor)];
          expect(fewer).toBeGreaterThanOrEqual(lowBefore);
          expect(fewer).toBeLessThanOrEqual(highBefore);
          // The smaller group lies in the larger: a difference is never negative.
          const least = Math.max(0, lowAfter - highBefore);
          const most = highAfter - lowBefore;
          if (least === most && most < floor) isolated += 1;
          expect(most - least, `${fewer} → ${fewer + more}`).toBeGreaterThanOrEqual(9);
        },
      ),
      { numRuns: 20_000 },
    );
    expect(isolated).toBe(0);
  });

  test('who knows everyone but one learns of the one only at a step of ten, and never below the floor', () => {
    for (const [kind, floor] of Object.entries(FLOOR)) {
      for (let count = 0; count + 1 < floor; count += 1) {
        expect(publicCount(count, floor), kind).toBe(publicCount(count + 1, floor));
      }
    }
    const steps = Array.from({ length: 1000 }, (_, count) => publicCount(count, 10) !== publicCount(count + 1, 10));
    expect(steps.filter(Boolean)).toHaveLength(100);
  });

  test('answers of people who came back are as coarse: no sentence holds a number that is not a multiple of ten', () => {
    fc.assert(
      fc.property(fc.nat(120), fc.nat(120), fc.nat(120), fc.nat(120), (yes, no, notSure, silent) => {
        const said = tallyWords({ asked: yes + no + notSure + silent, yes, no, notSure }, 10) ?? '';
        for (const [number] of said.matchAll(/\d+/g)) expect(Number(number) % 10, said).toBe(0);
      }),
      { numRuns: 2000 },
    );
  });

  test('from a database of random people: erasing any of them moves no public count', { timeout: 60_000 }, async () => {
    const people = fc.array(
      fc.record({
        kind: fc.constantFrom('customer' as const, 'employee' as const),
        issues: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 }),
        erased: fc.boolean(),
      }),
      { maxLength: 45 },
    );
    await fc.assert(
      fc.asyncProperty(people, async (all) => {
        const db = await seededDatabase();
        try {
          const ids: [string, boolean][] = [];
          await db.write(async (tx) => {
            for (const { kind, issues, erased } of all) {
              const id = newId();
              ids.push([id, erased]);
              const row = { id, kind, source: 'fuzz', externalId: id, facts: {}, createdAt: 1 };
              await tx.insert(persons).values(row);
              for (const issueId of issues) {
                const said = { confidentiality: 'open' as const, main: true, namesOthers: false, publicConsent: false };
                const one = { id: newId(), ref: `fuzz:${newId()}`, personId: id, words: 'It was late.', issueId };
                await tx.insert(complaints).values({ ...one, ...said, createdAt: 1 });
              }
            }
          });
          const shown = async () => {
            await countPeople(db, NOW);
            return [...(await peoplePerIssue(db.read))]
              .map(([issue, { customers, employees }]) => [
                issue,
                publicCount(customers, 10),
                publicCount(employees, 20),
              ])
              .toSorted();
          };
          const before = await shown();
          for (const [id, erased] of ids) if (erased) await db.write((tx) => erasePerson(tx, id, NOW));
          expect(await shown()).toEqual(before);
          const [bare] = await db.read.select().from(peopleCounts).limit(1);
          expect(Object.keys(bare!).toSorted()).toEqual(['countedAt', 'erased', 'issueId', 'kind', 'people']);
        } finally {
          await db.cleanup();
        }
      }),
      { numRuns: 12 },
    );
  });
});

describe('what stays of somebody who was erased', () => {
  let db: FreshDatabase;
  beforeEach(async () => {
    db = await seededDatabase();
  });
  afterEach(() => db.cleanup());

  test('a confirmer’s name is known as withdrawn, for the proof that they confirmed and for no other', async () => {
    const { id: personId } = await castPerson(db.read, 'c-maya');
    const at = NOW.getTime();
    const answered = { answeredAt: at, confirmed: true, shownAs: 'Maya R.', how: 'I ran forty exports.' };
    const asked = { askedBy: 'grace', askedAt: at, expiresAt: at, relation: 'complained' as const };
    const whom = { personId, name: 'Maya Rennick', address: 'maya@rennickpress.example' };
    await db.write((tx) =>
      tx.insert(confirmations).values({ id: newId(), proofId: 'exports-finish', ...whom, ...asked, ...answered }),
    );
    expect(await isWithdrawn(db.read, 'exports-finish', 'Maya R.')).toBe(false);
    await db.write((tx) => erasePerson(tx, personId, NOW));
    expect(await isWithdrawn(db.read, 'exports-finish', ' maya  r.')).toBe(true);
    expect(await isWithdrawn(db.read, 'sixty-days-notice', 'Maya R.')).toBe(false);
    expect(await isWithdrawn(db.read, 'exports-finish', 'Maya K.')).toBe(false);
    expect(await isWithdrawn(db.read, 'exports-finish', undefined)).toBe(false);
  });

  test('what an outsider answered goes after the period of letters, and not while their link works', async () => {
    const at = NOW.getTime();
    const row = (id: string, personId: string | null) => ({
      ...{ id, personId, proofId: 'exports-finish', relation: 'outsider' as const, name: 'Odile', askedBy: 'grace' },
      ...{ address: `${id}@elsewhere.example`, askedAt: at, expiresAt: at + 30 * DAY_MS },
    });
    const { id: personId } = await castPerson(db.read, 'c-maya');
    await db.write((tx) => tx.insert(confirmations).values([row('outside', null), row('told', personId)]));
    await keepOnlyWhatWeMay(db, later(729 * DAY_MS));
    expect(await db.read.$count(confirmations)).toBe(2);
    await keepOnlyWhatWeMay(db, later(731 * DAY_MS));
    expect(await db.read.select({ id: confirmations.id }).from(confirmations)).toEqual([{ id: 'told' }]);
  });
});

describe('pictures', () => {
  let db: FreshDatabase;
  beforeEach(async () => {
    db = await seededDatabase();
  });
  afterEach(() => db.cleanup());
  const HASH = 'ab'.repeat(32);
  const keep = () => {
    const picture = { sha256: HASH, mediaType: 'image/webp', width: 4, height: 3, bytes: Buffer.from('x') };
    return db.write((tx) => tx.insert(pictures).values({ ...picture, addedBy: 'grace', addedAt: NOW.getTime() }));
  };
  const left = () => db.read.$count(pictures);

  test('of a discarded draft are forgotten a day later; those that a draft or a version names stay', async () => {
    await keep();
    const draft = {
      ...{ id: 'd', collection: 'proofs' as const, documentId: 'new', assets: {}, revision: 1, basedOn: null },
      ...{ source: `pictures:\n  - sha256: ${HASH}\n`, startedBy: 'grace', startedAt: 1, savedBy: 'grace' },
      ...{ savedAt: 1, writers: ['grace'] },
    };
    await db.write((tx) => tx.insert(drafts).values(draft));
    await keepOnlyWhatWeMay(db, later(2 * DAY_MS));
    expect(await left()).toBe(1);
    await db.write((tx) => tx.delete(drafts).where(eq(drafts.id, 'd')));
    await keepOnlyWhatWeMay(db, later(DAY_MS / 2));
    expect(await left(), 'somebody may be about to use it').toBe(1);
    await keepOnlyWhatWeMay(db, later(2 * DAY_MS));
    expect(await left()).toBe(0);
  });

  test('a proof that names one which is not here is not published; once it is here, it is, and stays', async () => {
    const [live] = await latestVersionsOf(db.read, 'exports-finish', 1);
    const source = live!.source.replace(
      /^changes:/m,
      `pictures:\n  - sha256: ${HASH}\n    alt: The list of exports, all forty of them finished.\nchanges:`,
    );
    const publish = () =>
      db.write((tx) =>
        publishDocument(tx, {
          ...{ collection: 'proofs', id: 'exports-finish', source, assets: live!.assets, confirmedBy: 'priya' },
          ...{ approvedBy: 'sander', reason: 'It shows the list.', now: later(1000) },
        }),
      );
    const refused = await publish();
    expect(refused).toMatchObject({ refused: true, code: 'picture' });
    await keep();
    const done = await publish();
    expect(isRefusal(done) ? done.sentence : done.version).toBe(2);
    await keepOnlyWhatWeMay(db, later(9 * DAY_MS));
    expect(await left()).toBe(1);
  });
});
