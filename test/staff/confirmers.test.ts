import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { confirmations } from '../../db/schema/desk.ts';
import { letters } from '../../db/schema/mail.ts';
import { audit } from '../../db/schema/staff.ts';
import { heldBecause, mintFor } from '../../src/invitations/letters.ts';
import { deliverDueLetters, type Outgoing } from '../../src/mail/delivery.ts';
import { suppress } from '../../src/people/suppression.ts';
import { mintConfirmerLink, openConfirmation } from '../../src/proofs/confirmers.ts';
import { parseDocument } from '../../src/proofs/content.ts';
import { isRefusal, type Refusal } from '../../src/shared/refusal.ts';
import { judgeDraft, sendToOwner } from '../../src/staff/approval.ts';
import {
  type Asked,
  answerConfirmation,
  askConfirmer,
  complainersToAsk,
  proofAsWritten,
  takeConfirmerOut,
  useConfirmation,
  withConfirmer,
} from '../../src/staff/confirmers.ts';
import { contentHash } from '../../src/staff/draft.ts';
import { discardDraft, draftOf, openDraft, saveDraft } from '../../src/staff/drafts.ts';
import type { FreshDatabase } from '../support/database.ts';
import { castPerson, DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';

const ID = 'exports-finish';
const ODILE = { name: 'Odile Marchetti', address: 'odile@elsewhere.example' };
const HOW = 'I ran 15 exports on Monday 16 November. All 15 opened.';
let db: FreshDatabase;

beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

const must = <T>(answer: T): Exclude<T, Refusal> => {
  if (isRefusal(answer)) throw new Error(answer.sentence);
  return answer as Exclude<T, Refusal>;
};
const ask = (who: Asked = ODILE, by = 'grace') => db.write((tx) => askConfirmer(tx, { proofId: ID, by, who }, NOW));
const yes = (id: string, now = NOW, shownAs = 'Odile Marchetti') =>
  db.write(async (tx) => {
    const seen = contentHash((await proofAsWritten(tx, ID))!);
    return answerConfirmation(tx, { id, confirmed: true, shownAs, how: HOW, seen }, now);
  });
const no = (id: string, how = 'Two of my exports stopped half-way.') =>
  db.write((tx) => answerConfirmation(tx, { id, confirmed: false, how }, NOW));
const draft = async () => (await draftOf(db.read, { collection: 'proofs', documentId: ID }))!;
const confirmerIn = async () => {
  const { source, assets } = await draft();
  return parseDocument('proofs', ID, source, assets).document!.data.confirmer;
};
async function sent(): Promise<Outgoing[]> {
  const out: Outgoing[] = [];
  await deliverDueLetters(
    db,
    { transport: async (letter) => void out.push(letter), heldBecause, mint: mintFor('https://northline.example') },
    NOW,
  );
  return out;
}

describe('asking', () => {
  test('a letter with a link of its own goes out; its token is nowhere in the database', async () => {
    must(await ask());
    const [letter] = (await sent()).filter(({ kind }) => kind === 'confirm');
    expect(letter).toMatchObject({
      to: ODILE.address,
      fromName: 'Grace Adeyemi',
      subject: 'Is this so? Exports now finish, on Mondays too',
    });
    expect(letter!.text).not.toMatch(/\{\w+\}/);
    const token = /\/confirm\/([\w-]{43})/.exec(letter!.text)![1]!;
    expect(await openConfirmation(db.read, token, NOW)).toMatchObject({ name: ODILE.name, relation: 'outsider' });
    expect(JSON.stringify(await db.read.select().from(letters))).not.toContain(token);
  });

  test('someone who told us may stop our letters from it', async () => {
    const maya = await castPerson(db.read, 'c-maya');
    must(await ask({ personId: maya.id }));
    const [letter] = (await sent()).filter(({ kind }) => kind === 'confirm');
    expect(letter!.text).toMatch(/\/stop\/[\w-]{43}/);
    expect((await db.read.select().from(confirmations))[0]).toMatchObject({
      relation: 'complained',
      name: 'Maya Rennick',
    });
  });

  test('those who stopped our letters, told us in confidence, or must never be written to are not offered', async () => {
    const before = await complainersToAsk(db.read, ['exports-failed']);
    expect(before.map(({ name }) => name)).toContain('Maya Rennick');
    const maya = await castPerson(db.read, 'c-maya');
    await db.write((tx) => suppress(tx, maya.email!, 'stopped', NOW));
    expect((await complainersToAsk(db.read, ['exports-failed'])).map(({ name }) => name)).not.toContain('Maya Rennick');
    expect(await ask({ personId: maya.id })).toMatchObject({ code: 'person' });
    const never = ['c-walter', 'c-petra', 'c-frances'];
    const all = (
      await complainersToAsk(db.read, [
        'exports-failed',
        'price-rise-without-notice',
        'tickets-closed-unsolved',
        'nobody-told-you',
      ])
    ).map(({ personId }) => personId);
    for (const one of never) expect(all).not.toContain((await castPerson(db.read, one)).id);
  });

  const refused: [string, Asked, string][] = [
    ['the owner by name', { name: 'priya  nair', address: 'p@elsewhere.example' }, 'independent'],
    ['a colleague by address', { name: 'Some Body', address: 'Grace.Adeyemi@northline.example' }, 'independent'],
    ['somebody the site names', { name: 'Yusuf Demir', address: 'y@elsewhere.example' }, 'independent'],
    ['half a name', { name: 'Odile', address: ODILE.address }, 'name'],
    ['no address', { name: ODILE.name, address: 'odile' }, 'address'],
    ['a stranger’s id', { personId: 'nobody' }, 'person'],
  ];
  test.each(refused)('%s is refused', async (_, who, code) => {
    expect(await ask(who)).toMatchObject({ code, sentence: expect.any(String) });
    expect(await db.read.$count(confirmations)).toBe(0);
  });

  test('one of us, also under an address with a tag', async () => {
    for (const address of ['grace.adeyemi@northline.example', 'Grace.Adeyemi+outside@northline.example']) {
      expect(await ask({ ...ODILE, address })).toMatchObject({ refused: true, code: 'independent' });
    }
  });

  test('by an approver, or twice while it is open, is refused', async () => {
    expect(await ask(ODILE, 'ruth')).toMatchObject({ code: 'role' });
    must(await ask());
    expect(await ask()).toMatchObject({ code: 'asked' });
  });
});

describe('the link', () => {
  test('works for 30 days from its letter; an older one stops when the letter is sent again', async () => {
    const { id } = must(await ask());
    const first = await db.write((tx) => mintConfirmerLink(tx, id, NOW));
    expect(await openConfirmation(db.read, first, later(30 * DAY_MS - 1))).not.toBeNull();
    expect(await openConfirmation(db.read, first, later(30 * DAY_MS))).toBeNull();
    const second = await db.write((tx) => mintConfirmerLink(tx, id, NOW));
    expect(await openConfirmation(db.read, first, NOW)).toBeNull();
    expect(await openConfirmation(db.read, second, NOW)).not.toBeNull();
    expect(await openConfirmation(db.read, 'no-link', NOW)).toBeNull();
  });
});

describe('the answer', () => {
  test('a yes goes into the draft as they gave it; everything else stays as it was', async () => {
    const { id } = must(await ask());
    must(await yes(id));
    expect(await confirmerIn()).toEqual({ name: 'Odile Marchetti', relation: 'outsider', on: '2026-11-22', how: HOW });
    const { source, writers } = await draft();
    expect(writers).toEqual(['grace']);
    expect(source).toContain('reopen_limit: 2');
    expect((await judgeDraft(db.read, await draft())).problems).toEqual([]);
    const told = (await db.read.select().from(letters).where(eq(letters.kind, 'answered'))).map(
      ({ toAddress }) => toAddress,
    );
    expect(told.toSorted()).toEqual(['grace.adeyemi@northline.example', 'priya.nair@northline.example']);
    const [entry] = await db.read.select().from(audit).where(eq(audit.action, 'confirmer answered'));
    expect(JSON.stringify(entry)).not.toMatch(/Odile|exports on Monday/);
  });

  test('it counts once, and not after its time', async () => {
    const { id } = must(await ask());
    const answers = await Promise.all([yes(id), no(id), yes(id)]);
    expect(answers.filter((answer) => !isRefusal(answer))).toHaveLength(1);
    const late = must(await ask({ name: 'Bo Ek', address: 'bo@elsewhere.example' }));
    expect(await yes(late.id, later(31 * DAY_MS), 'Bo Ek')).toMatchObject({ code: 'answered' });
  });

  test('what was approved before it counts no more', async () => {
    const opened = must(
      await db.write((tx) => openDraft(tx, { collection: 'proofs', documentId: ID, by: 'grace' }, NOW)),
    );
    const { id } = must(await ask());
    must(await yes(id));
    expect(contentHash(await draft())).not.toBe(contentHash(opened));
    expect((await draft()).publishAt).toBeNull();
  });

  test('in the name of one of us, without a name, or without a sentence it is refused', async () => {
    const { id } = must(await ask());
    expect(await yes(id, NOW, 'Sander de Wit')).toMatchObject({ code: 'independent' });
    expect(await yes(id, NOW, ' ')).toMatchObject({ code: 'shownAs' });
    expect(await no(id, 'no')).toMatchObject({ code: 'how' });
    expect((await db.read.select().from(confirmations))[0]!.answeredAt).toBeNull();
  });

  test('a yes to what was changed while they looked is not taken; it is asked of them again', async () => {
    const { id } = must(await ask());
    const seen = contentHash((await proofAsWritten(db.read, ID))!);
    await db.write(async (tx) => {
      const begun = must(await openDraft(tx, { collection: 'proofs', documentId: ID, by: 'grace' }, NOW));
      await saveDraft(tx, { ...begun, source: `${begun.source}\nAnd one more claim.\n`, by: 'grace' }, NOW);
    });
    const answer = { id, confirmed: true, shownAs: 'Odile Marchetti', how: HOW, seen } as const;
    expect(await db.write((tx) => answerConfirmation(tx, answer, NOW))).toMatchObject({ code: 'changed' });
    expect(must(await yes(id))).toMatchObject({ confirmed: true });
  });

  test('a no is kept, and changes no document', async () => {
    const { id } = must(await ask());
    expect(must(await no(id))).toMatchObject({ confirmed: false });
    expect(await draft()).toBeNull();
  });

  test('a yes whose draft was put away can be put in again', async () => {
    const { id } = must(await ask());
    must(await yes(id));
    const { id: draftId, revision } = await draft();
    await db.write((tx) => discardDraft(tx, { id: draftId, revision, by: 'grace' }, NOW));
    must(await db.write((tx) => useConfirmation(tx, { id, by: 'grace' }, NOW)));
    expect(await confirmerIn()).toMatchObject({ name: 'Odile Marchetti' });
  });
});

test('nobody at the desk types a confirmer: one without an answer behind it is refused', async () => {
  const opened = must(
    await db.write((tx) => openDraft(tx, { collection: 'proofs', documentId: ID, by: 'grace' }, NOW)),
  );
  const confirmer = { name: 'Made Up', relation: 'outsider' as const, on: '2026-11-20', how: 'They said it was fine.' };
  const source = withConfirmer(opened.source, confirmer)!;
  const answer = must(await db.write((tx) => saveDraft(tx, { ...opened, source, by: 'grace' }, NOW)));
  if (!('saved' in answer)) throw new Error('not saved');
  expect((await judgeDraft(db.read, answer.saved)).problems).toMatchObject([{ rule: 'S206' }]);
  const seen = { draftId: opened.id, contentHash: contentHash(answer.saved), by: 'grace' };
  expect(await db.write((tx) => sendToOwner(tx, seen, NOW))).toMatchObject({
    code: 'problems',
    sentence: expect.stringContaining('Made Up'),
  });
});

test('one who spoke of an earlier change can be taken out, and whoever does it has written', async () => {
  must(await db.write((tx) => takeConfirmerOut(tx, { proofId: ID, by: 'grace' }, NOW)));
  expect(await confirmerIn()).toBeUndefined();
  expect((await draft()).writers).toEqual(['grace']);
});

test('a document that can not be read gets no confirmer, and keeps its comments otherwise', () => {
  const confirmer = { name: 'A B', relation: 'outsider', on: '2026-11-20', how: 'They looked: “yes”.' } as const;
  expect(withConfirmer('no fields', confirmer)).toBeNull();
  expect(withConfirmer('---\na: [\n---\n', confirmer)).toBeNull();
  const written = withConfirmer('---\n# textlint-disable S107 -- the price was it\nline: "x"\n---\nWe.\n', confirmer)!;
  expect(written).toContain('# textlint-disable S107 -- the price was it\nline: "x"\n');
  expect(written.endsWith('---\nWe.\n')).toBe(true);
});
