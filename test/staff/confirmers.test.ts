import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { confirmations, drafts } from '../../db/schema/desk.ts';
import { letters } from '../../db/schema/mail.ts';
import { publishedVersions } from '../../db/schema/proofs.ts';
import { audit, type Role } from '../../db/schema/staff.ts';
import { heldBecause, mintFor } from '../../src/invitations/letters.ts';
import { deliverDueLetters, type Outgoing } from '../../src/mail/delivery.ts';
import { erasePerson } from '../../src/people/erase.ts';
import { keepOnlyWhatWeMay } from '../../src/people/retention.ts';
import { suppress } from '../../src/people/suppression.ts';
import { confirmerShown } from '../../src/people/voices.ts';
import { versionHash } from '../../src/proofs/chain.ts';
import { mintConfirmerLink, openConfirmation, outsideWords } from '../../src/proofs/confirmers.ts';
import { parseDocument } from '../../src/proofs/content.ts';
import { publishDocument } from '../../src/proofs/publish.ts';
import { proofWithState } from '../../src/proofs/published.ts';
import { latestVersionsOf } from '../../src/proofs/versions.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { judgeDraft, sendToOwner } from '../../src/staff/approval.ts';
import {
  type Asked,
  answerConfirmation,
  askConfirmer,
  complainersToAsk,
  proofAsWritten,
  takeConfirmerOut,
  takeNameBack,
  useConfirmation,
  withConfirmer,
} from '../../src/staff/confirmers.ts';
import { contentHash } from '../../src/staff/draft.ts';
import { discardDraft, draftOf, openDraft, saveDraft } from '../../src/staff/drafts.ts';
import { home } from '../../src/staff/home.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { castPerson, DAY_MS, later, NOW, seededDatabase } from '../support/seeded.ts';

const ID = 'exports-finish';
const ODILE = { name: 'Odile Marchetti', address: 'odile@elsewhere.example' };
const HOW = 'I ran 15 exports on Monday 16 November. All 15 opened.';
const WRITER = { roles: ['writer' as const] };
let db: FreshDatabase;

beforeEach(async () => {
  db = await seededDatabase();
});
afterEach(() => db.cleanup());

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
const shown = async () => confirmerShown(db.read, ID, (await confirmerIn())!);
const publish = async (reason = 'Somebody independent has looked.') => {
  const { source, assets } = await draft();
  const parts = { collection: 'proofs' as const, id: ID, source, assets, reason, now: NOW };
  return db.write((tx) => publishDocument(tx, { ...parts, confirmedBy: 'priya', approvedBy: 'sander' }));
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
    const before = await complainersToAsk(db.read, ['exports-failed'], WRITER);
    expect(before.map(({ name }) => name)).toContain('Maya Rennick');
    const maya = await castPerson(db.read, 'c-maya');
    await db.write((tx) => suppress(tx, maya.email!, 'stopped', NOW));
    expect((await complainersToAsk(db.read, ['exports-failed'], WRITER)).map(({ name }) => name)).not.toContain(
      'Maya Rennick',
    );
    expect(await ask({ personId: maya.id })).toMatchObject({ code: 'person' });
    const never = ['c-walter', 'c-petra', 'c-frances'];
    const all = (
      await complainersToAsk(
        db.read,
        ['exports-failed', 'price-rise-without-notice', 'tickets-closed-unsolved', 'nobody-told-you'],
        WRITER,
      )
    ).map(({ personId }) => personId);
    for (const one of never) expect(all).not.toContain((await castPerson(db.read, one)).id);
  });

  test('former colleagues are named to HR alone, who asks them and nobody else', async () => {
    const proofId = 'rota-three-weeks-ahead';
    const tariq = await castPerson(db.read, 'e-tariq');
    const names = async (roles: Role[]) =>
      (await complainersToAsk(db.read, ['shifts-changed-late', 'exports-failed'], { roles })).map(({ name }) => name);
    expect(await names(['writer'])).toContain('Maya Rennick');
    expect(await names(['writer'])).not.toContain('Tariq Mahmood');
    expect(await names(['approver', 'hr'])).toContain('Tariq Mahmood');
    expect(await names(['approver', 'hr'])).not.toContain('Maya Rennick');
    const asked = (by: string, who: Asked) => db.write((tx) => askConfirmer(tx, { proofId, by, who }, NOW));
    expect(await asked('grace', { personId: tariq.id })).toMatchObject({ code: 'person' });
    expect(await asked('sander', { personId: tariq.id })).toMatchObject({ code: 'role' });
    expect(await asked('ruth', ODILE)).toMatchObject({ code: 'role' });
    expect(await asked('ruth', { personId: tariq.id })).toMatchObject({ name: 'Tariq Mahmood' });
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
    expect(await confirmerIn()).toEqual({ answer: id, relation: 'outsider', on: '2026-11-22' });
    expect(await shown()).toEqual({ name: 'Odile Marchetti', how: HOW });
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
    expect(await confirmerIn()).toMatchObject({ answer: id });
  });
});

describe('whose name it is', () => {
  const back = (id: string) => db.write((tx) => takeNameBack(tx, id, NOW));
  const everywhere = async () => {
    const versions = await db.read.select().from(publishedVersions);
    return JSON.stringify([versions, await db.read.select().from(drafts), await db.read.select().from(letters)]);
  };

  test('no version and no draft holds it; the chain stands, and the change counts as confirmed', async () => {
    const { id } = must(await ask());
    must(await yes(id));
    expect(isRefusal(await publish())).toBe(false);
    const [newest] = await latestVersionsOf(db.read, ID, 1);
    expect(newest!.version).toBe(2);
    expect(newest!.source).toContain(id);
    expect(await everywhere()).not.toMatch(/Marchetti.*I ran 15|I ran 15/);
    expect(JSON.stringify(newest)).not.toMatch(/Odile|I ran 15/);
    const { hash, previousHash, version, source, assets } = newest!;
    expect(versionHash({ collection: 'proofs', id: ID, version, source, assets, previousHash })).toBe(hash);
    const found = await proofWithState(db.read, ID, new Map(), NOW);
    expect(found!.state.state).toBe('holding');
  });

  test('taken back by the link, also long after: gone from pages, letters and here; that somebody said yes stays', async () => {
    const { id } = must(await ask());
    const token = await db.write((tx) => mintConfirmerLink(tx, id, NOW));
    must(await yes(id));
    await publish();
    const before = await latestVersionsOf(db.read, ID, 1);
    expect(await openConfirmation(db.read, token, later(400 * DAY_MS))).toMatchObject({ id });
    expect(await back(id)).toBe(true);
    expect(await shown()).toBeNull();
    expect(await everywhere()).not.toMatch(/Odile|odile@/);
    expect(await latestVersionsOf(db.read, ID, 1)).toEqual(before);
    expect((await proofWithState(db.read, ID, new Map(), NOW))!.state.state).toBe('holding');
    expect(await back(id)).toMatchObject({ code: 'gone' });
  });

  test('nobody takes back another answer than a yes', async () => {
    const { id } = must(await ask());
    expect(await back(id)).toMatchObject({ code: 'gone' });
    must(await no(id));
    expect(await back(id)).toMatchObject({ code: 'gone' });
  });

  test('an answer that nobody gave, or was a no, or is of another proof, is published by nobody', async () => {
    const { id } = must(await ask());
    must(await yes(id));
    const written = await draft();
    for (const other of ['01a2023f-caf7-7b1d-b956-6efb72e44885']) {
      const source = written.source.replace(id, other);
      await db.write((tx) => tx.update(drafts).set({ source }).where(eq(drafts.id, written.id)));
      expect(await publish()).toMatchObject({ code: 'confirmer' });
    }
    const asNo = { source: written.source };
    await db.write(async (tx) => {
      await tx.update(drafts).set(asNo).where(eq(drafts.id, written.id));
      await tx.update(confirmations).set({ confirmed: false });
    });
    expect(await publish()).toMatchObject({ code: 'confirmer' });
  });

  test('somebody who complained and is erased is named nowhere, and the text can still be published anew', async () => {
    const { id: personId } = await castPerson(db.read, 'c-devika');
    const { id } = must(await ask({ personId }));
    must(await yes(id, NOW, 'Devika R.'));
    await publish();
    expect(isRefusal(await db.write((tx) => erasePerson(tx, personId, NOW)))).toBe(false);
    expect(await everywhere()).not.toMatch(/Devika/);
    expect(await shown()).toBeNull();
    await db.write(async (tx) => {
      const { source } = (await draftOf(tx, { collection: 'proofs', documentId: ID }))!;
      await tx
        .update(drafts)
        .set({ source: source.replace(/^headline: .*/m, 'headline: Exports finish, every one of them') });
    });
    expect(isRefusal(await publish('A plainer headline.'))).toBe(false);
  });

  test('after the time for letters an outsider’s address goes, and the name that they let us show stays', async () => {
    const { id } = must(await ask());
    must(await yes(id));
    await keepOnlyWhatWeMay(db, later(3000 * DAY_MS));
    const [kept] = await db.read.select().from(confirmations).where(eq(confirmations.id, id));
    expect(kept).toMatchObject({ address: '', name: '', shownAs: 'Odile Marchetti' });
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

describe('a no does not disappear', () => {
  const words = (changedOn = '2026-06-15') =>
    outsideWords(db.read, { proofId: ID, changedOn, timeZone: 'Europe/London' });
  const other = (name: string) => ask({ name, address: `${name.split(' ')[0]!.toLowerCase()}@elsewhere.example` });

  test('the public page counts who was asked and what they said, and forgets what was said of an earlier change', async () => {
    expect(await words()).toBeUndefined();
    const omar = must(await ask());
    must(await no(omar.id));
    expect(await words()).toBe('1 person was asked: 1 said no.');
    must(await yes(must(await other('Sara Lind')).id, NOW, 'Sara Lind'));
    must(await other('Nils Berg'));
    expect(await words()).toBe('3 people were asked: 1 said yes, 1 said no, 1 has not answered.');
    expect(await words('2026-11-23')).toBeUndefined();
  });

  test('it waits among what is yours to do until a version answers it: for its owner, and for who asked', async () => {
    const asked = must(await ask());
    must(await db.write((tx) => answerConfirmation(tx, { id: asked.id, confirmed: false, how: HOW }, later(1000))));
    const waiting = async (id: string) =>
      (await home(db.read, { id, roles: ['owner'] }, later(2000))).yours.map(({ why, href }) => ({ why, href }));
    const one = {
      why: 'is not so, says somebody whom we asked: read why',
      href: `/staff/drafts/proofs/${ID}/confirmer`,
    };
    expect(await waiting('priya')).toEqual([one]);
    expect(await waiting('grace')).toEqual([one]);
    expect(await waiting('tomasz')).toEqual([]);
  });

  test('the letter about an answer says which it is, in its subject', async () => {
    const asked = must(await ask());
    must(await no(asked.id));
    const told = (await sent()).filter(({ kind }) => kind === 'answered');
    expect(told.map(({ subject }) => subject)).toEqual(
      told.map(() => 'A no from outside: Exports now finish, on Mondays too'),
    );
    expect(told.length).toBeGreaterThan(0);
    for (const { text } of told) expect(text).not.toMatch(/\{\w+\}/);
  });
});
