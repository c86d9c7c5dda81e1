import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checkins, reopenings } from '../../db/schema/checkins.ts';
import { complaints, corrections, persons, waits } from '../../db/schema/people.ts';
import type { Visit } from '../../src/invitations/links.ts';
import { type Landing, landingFor } from '../../src/landing/landing.ts';
import { askToBeTold, decline, sayWhy } from '../../src/landing/press.ts';
import { TONES } from '../../src/landing/tones.ts';
import { suppress } from '../../src/people/suppression.ts';
import { publishedSite } from '../../src/proofs/published.ts';
import { dayOf } from '../../src/shared/dates.ts';
import { comeBack } from '../checkins/returned.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, issuesAt, NOW, seededDatabase } from '../support/seeded.ts';

let db: FreshDatabase;

async function pageOf(who: string, trusted = true): Promise<Landing> {
  const person = await castPerson(db.read, who);
  const landing = await landingFor(
    db.read,
    { person, trusted } as Visit,
    await issuesAt(db.read, NOW),
    await publishedSite(db.read),
    dayOf(NOW),
  );
  return landing!;
}

const shown = (landing: Landing) => landing.told.map((one) => [one.ref, one.outcome, one.tag]);

describe('what stands on a page', () => {
  beforeAll(async () => {
    db = await seededDatabase();
  });
  afterAll(() => db.cleanup());

  test('Maya’s: four things, each with what became of it, the one that made her leave first', async () => {
    const page = await pageOf('c-maya');
    expect(page.headline).toBe('You told us four things. Two are fixed. One is being watched. One is not fixed.');
    expect(shown(page).map(([ref, outcome]) => [ref, outcome])).toEqual([
      ['cast:c-01', 'fixed'],
      ['cast:c-03', 'not_fixed'],
      ['cast:c-04', 'watching'],
      ['cast:c-02', 'fixed'],
    ]);
    expect(page.told[0]).toMatchObject({
      main: true,
      shown: { kind: 'words' },
      href: '/proofs/exports-finish',
      reason: expect.stringContaining('We ran your own March report'),
    });
    expect(page.told[0]!.shown).toMatchObject({ text: expect.stringContaining('Third Monday running') });
    expect(page.action).toBe('rejoin');
    expect(page.offer).toMatchObject({ seats: 5, amount: '£48.00' });
    expect(page.offer!.better[0]).toMatchObject({ saidOn: '2026-03-23' });
  });

  test.each([
    ['c-idris', 'You told us two things. Neither is fixed.', 'wait'],
    ['c-anneke', 'You told us two things. Both came back.', 'wait'],
    ['c-sunniva', 'You told us three things. Two are fixed. One is partly fixed.', 'rejoin'],
    ['c-lucas', 'You told us two things. One is fixed. One is being watched.', 'rejoin'],
    ['c-hannah', 'You told us something in confidence.', 'rejoin'],
    ['c-walter', 'You told us one thing. It is being watched.', 'none'],
  ] as const)('%s: %s', async (who, headline, action) => {
    expect(await pageOf(who)).toMatchObject({ headline, action });
  });

  test('the offer claims nothing as better that is not fixed for this person', async () => {
    const claims = async (who: string) => (await pageOf(who)).offer!.better.map(({ what }) => what).join(' ');
    expect(await claims('c-maya')).toContain('Your exports finish');
    expect(await claims('c-idris')).not.toContain('Your exports finish');
  });

  test('what was confirmed for them is not repeated once it came back, and the line says what brought it back', async () => {
    const [late] = (await pageOf('c-anneke')).told;
    expect(late).toMatchObject({ outcome: 'came_back', reason: null, line: expect.stringContaining('74 seconds') });
  });

  test('no tag says fixed where their own complaint isn’t', async () => {
    for (const { externalId } of await db.read.select().from(persons)) {
      for (const { outcome, tag } of (await pageOf(externalId)).told) {
        const saysFixed = /fixed/i.test(tag) && !/not|partly/i.test(tag);
        if (saysFixed) expect(outcome).toBe('fixed');
        expect(TONES[outcome]).toBeDefined();
      }
    }
  });

  test('words that name somebody else are replaced by our note', async () => {
    const page = await pageOf('c-lucas');
    expect(page.told[0]!.shown).toMatchObject({ kind: 'note', namesOthers: true });
    expect(JSON.stringify(page.told)).not.toContain('Colin');
  });

  test('what was said in confidence is not shown, not even that there is an issue', async () => {
    const page = await pageOf('c-hannah');
    const { history: _, ...rest } = page;
    expect(page.told).toEqual([]);
    expect(JSON.stringify(rest)).not.toMatch(/refuge|In confidence|Your request is open again/);
  });

  test('a visitor who is not trusted sees no words, no note and no reason', async () => {
    for (const { externalId } of await db.read.select().from(persons)) {
      for (const one of (await pageOf(externalId, false)).told) {
        expect([one.shown, one.reason]).toEqual([null, null]);
      }
    }
  });

  test('a page holds nobody else’s words, note or reason, over everyone there is', async () => {
    const everything = await db.read.select().from(complaints);
    const everyone = await db.read.select().from(persons);
    expect(everyone.length).toBeGreaterThan(180);
    let own = 0;
    for (const person of everyone) {
      const text = JSON.stringify(await pageOf(person.externalId)).normalize();
      for (const { personId, words, note } of everything) {
        for (const said of [words, note]) {
          if (!said) continue;
          const found = text.includes(JSON.stringify(said).slice(1, -1).normalize());
          if (personId !== person.id && found) throw new Error(`${person.externalId} reads what another said: ${said}`);
          if (personId === person.id && found) own += 1;
        }
      }
      for (const other of everyone) {
        if (other.email && other.id !== person.id) expect(text).not.toContain(other.email);
      }
    }
    expect(own).toBeGreaterThan(150);
  }, 60_000);
});

describe('what a press changes on their page', () => {
  beforeEach(async () => {
    db = await seededDatabase();
  });
  afterEach(() => db.cleanup());

  test('“tell me when it is fixed”, “no thanks” and a stop are on their page and on nobody else’s', async () => {
    const [maya, idris] = [await castPerson(db.read, 'c-maya'), await castPerson(db.read, 'c-idris')];
    await db.write(async (tx) => {
      await askToBeTold(tx, maya.id, 'large-files-slow', NOW);
      await askToBeTold(tx, maya.id, 'large-files-slow', NOW);
      await decline(tx, maya.id, NOW);
      await suppress(tx, maya.email!, 'stopped', NOW);
    });
    expect(await db.read.$count(waits)).toBe(1);
    const page = await pageOf('c-maya');
    expect(page).toMatchObject({ declined: true, stopped: true });
    expect(page.told.filter((one) => one.askedToBeTold).map((one) => one.issueId)).toEqual(['large-files-slow']);
    const theirs = await pageOf('c-idris');
    expect(theirs).toMatchObject({ declined: false, stopped: false });
    expect(theirs.told.some((one) => one.askedToBeTold)).toBe(false);
    expect(idris.declinedAt).toBeNull();
  });

  test('“is this why you left?” is answered once, and may be answered differently', async () => {
    const page = await pageOf('c-maya');
    const { complaintId } = page.why!;
    expect(page.why).toMatchObject({ title: 'Exports failed on Mondays', answered: null });
    const say = (right: boolean, words: string | null) =>
      db.write((tx) => sayWhy(tx, { personId: page.history.person.id, complaintId, right, words }, NOW));
    await say(true, null);
    expect((await pageOf('c-maya')).why).toMatchObject({ answered: 'right' });
    await say(false, `  It was the price. ${'x'.repeat(3000)}`);
    expect((await pageOf('c-maya')).why).toMatchObject({ answered: 'corrected' });
    const rows = await db.read.select().from(corrections);
    expect(rows).toHaveLength(1);
    expect(rows[0]!.words).toMatch(/^It was the price\./);
    expect(rows[0]!.words).toHaveLength(2000);
  });

  test('after their own no it stands reopened for them, with an owner and a date, and only for them', async () => {
    const rejoin = await comeBack(db, 'c-maya', NOW);
    const [question] = await db.read.select().from(checkins).where(eq(checkins.rejoinId, rejoin.id));
    await db.write((tx) =>
      tx.insert(reopenings).values({
        id: 'r',
        checkinId: question!.id,
        personId: rejoin.personId,
        issueId: 'exports-failed',
        owner: 'priya',
        openedAt: 1,
        dueOn: '2026-12-01',
      }),
    );
    const page = await pageOf('c-maya');
    expect(page).toMatchObject({ action: 'back', rejoin: { state: 'active' } });
    expect(page.told[0]).toMatchObject({
      outcome: 'came_back',
      tag: 'Reopened for you',
      reopened: { owner: 'Priya Nair', dueOn: '2026-12-01' },
    });
    const other = await pageOf('c-bronagh');
    expect(other.told.some((one) => one.reopened !== null)).toBe(false);
    await db.write((tx) => tx.update(reopenings).set({ settledAt: 2 }));
    expect((await pageOf('c-maya')).told[0]).toMatchObject({ outcome: 'fixed', reopened: null });
  });
});
