import { and, asc, desc, eq, isNotNull, isNull, or } from 'drizzle-orm';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { batches, choosings, links } from '../../db/schema/invitations.ts';
import { letters } from '../../db/schema/mail.ts';
import { persons } from '../../db/schema/people.ts';
import { noAnswersByIssue } from '../checkins/answers.ts';
import {
  type Batch,
  beginBatch,
  type Choice,
  fillBatch,
  inBatch,
  linksOf,
  type Purpose,
  personByReference,
  reachOf,
  revokeBatch,
  type Would,
  whoWould,
} from '../invitations/choose.ts';
import { quoted } from '../people/intake/csv.ts';
import { GAPS } from '../proofs/documents.ts';
import { publishedIssue } from '../proofs/published.ts';
import { newId } from '../shared/ids.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { record } from './audit.ts';
import { mayKnow, type Viewer } from './privacy.ts';

/*
 * Choosing at the desk. Somebody asks who could be written to, sees who is left out and why, and presses; or doesn't. As many as a press
 * can wait for are done at once; more are done by the jobs process, and the page shows how far it is.
 */

export type Choosing = typeof choosings.$inferSelect;

/** At most so many people are asked about while somebody waits for the page. */
const AT_ONCE = 1_000;

/** What the form said, or what is wrong with it. Nothing chosen at all means everyone. */
export async function readChoice(
  reader: Reader,
  who: Viewer,
  text: (name: string) => string,
): Promise<Choice | (Refusal & { field: string })> {
  const wrong = (field: string, code: string, sentence: string) => ({ ...refuse(code, sentence), field });
  const said = (name: string) => text(name).trim().slice(0, 100);
  const reference = said('person');
  if (reference) {
    const personId = await personByReference(reader, reference);
    const [person] = personId ? await reader.select().from(persons).where(eq(persons.id, personId)) : [];
    if (!person || !mayKnow(who, person.kind, null)) {
      return wrong('person', 'nobody', 'Write the source and the id that it gave them, for example: cast c-maya.');
    }
    return { personId: person.id };
  }
  const choice: Choice = {};
  for (const name of ['issue', 'gap', 'kind', 'plan', 'country', 'left'] as const) {
    if (said(name)) choice[name] = said(name);
  }
  if (choice.issue && !(await publishedIssue(reader, choice.issue))) {
    return wrong('issue', 'no-issue', 'Choose an issue that is published.');
  }
  if (choice.gap && !(GAPS as readonly string[]).includes(choice.gap)) {
    return wrong('gap', 'no-gap', 'Choose one of the four.');
  }
  if (choice.left && !/^(19|20)\d\d$/.test(choice.left)) {
    return wrong('left', 'no-year', 'Write the year with four digits, for example 2026.');
  }
  if (!who.roles.includes('hr')) {
    if (choice.kind === 'employee') return wrong('kind', 'hr', 'Former colleagues are chosen by HR.');
    choice.kind = 'customer';
  } else if (choice.kind && choice.kind !== 'customer' && choice.kind !== 'employee') {
    return wrong('kind', 'no-kind', 'Choose customers or former colleagues.');
  }
  return choice;
}

/** Who could be written to? Nothing happens to anybody. */
export async function ask(db: Db, who: Viewer, choice: Choice, now: Date): Promise<Choosing> {
  const { personId, ...said } = choice;
  const [choosing] = await db.write((tx) =>
    tx
      .insert(choosings)
      .values({
        ...{ id: newId(), choice: said as Record<string, string>, personId: personId ?? null },
        ...{ by: who.id, at: now.getTime(), asked: 0 },
      })
      .returning(),
  );
  if ((await reachOf(db.read, choice, AT_ONCE + 1)) > AT_ONCE) return choosing!;
  return count(db, choosing!, now);
}

/** Whom the gate lets through becomes a batch. The gate is asked again about each: the answer that counts is the one of now. */
export async function open(
  db: Db,
  who: Viewer,
  { id, purpose }: { id: string; purpose: Purpose },
  now: Date,
): Promise<Choosing | Refusal> {
  const claimed = await db.write(async (tx): Promise<Choosing | Refusal> => {
    const [choosing] = await tx.select().from(choosings).where(eq(choosings.id, id));
    if (!choosing?.report) return refuse('not-counted', 'Look first at who is left out, and why.');
    if (choosing.batchId) return refuse('opened', 'This choice was opened before. It is among the batches.');
    if (!(await maySee(tx, who, choosing))) return refuse('not-yours', 'Whoever chose them opens this.');
    const would = choosing.report as Would;
    const reached = purpose === 'links' ? would.invited - would.employees : would.invited;
    if (reached === 0) return refuse('nobody', 'Nobody of them can be written to today.');
    const batch = await beginBatch(tx, { choice: choiceOf(choosing), purpose, by: who.id }, now);
    const detail = { purpose, people: would.people, wouldBeInvited: reached };
    await record(tx, { by: who.id, action: 'chose', subject: `batches:${batch.id}`, detail }, now);
    const [row] = await tx.update(choosings).set({ batchId: batch.id }).where(eq(choosings.id, id)).returning();
    return row!;
  });
  if (isRefusal(claimed)) return claimed;
  return (await reachOf(db.read, choiceOf(claimed), AT_ONCE + 1)) > AT_ONCE ? claimed : fill(db, claimed, now);
}

/** What nobody's press could wait for: counts, and fills batches. For the jobs process; what was broken off is taken up again. */
export async function workOnChoosings(db: Db, now: Date): Promise<number> {
  const waiting = await db.read
    .select()
    .from(choosings)
    .where(and(isNull(choosings.finishedAt), or(isNull(choosings.countedAt), isNotNull(choosings.batchId))))
    .orderBy(asc(choosings.id));
  for (const choosing of waiting) await (choosing.batchId ? fill(db, choosing, now) : count(db, choosing, now));
  return waiting.length;
}

async function count(db: Db, choosing: Choosing, now: Date): Promise<Choosing> {
  let shown = 0;
  const would = await whoWould(db, choiceOf(choosing), noAnswersByIssue, now, async (asked) => {
    if (asked - shown < 5_000) return;
    shown = asked;
    await db.write((tx) => tx.update(choosings).set({ asked }).where(eq(choosings.id, choosing.id)));
  });
  const [row] = await db.write((tx) =>
    tx
      .update(choosings)
      .set({ report: would, countedAt: now.getTime() })
      .where(eq(choosings.id, choosing.id))
      .returning(),
  );
  // It went with the one person whom it named.
  return row ?? choosing;
}

async function fill(db: Db, choosing: Choosing, now: Date): Promise<Choosing> {
  await fillBatch(db, choosing.batchId!, choiceOf(choosing), noAnswersByIssue, now);
  const [row] = await db.write((tx) =>
    tx.update(choosings).set({ finishedAt: now.getTime() }).where(eq(choosings.id, choosing.id)).returning(),
  );
  return row ?? choosing;
}

function choiceOf({ choice, personId }: Pick<Choosing, 'choice' | 'personId'>): Choice {
  return { ...choice, ...(personId && { personId }) };
}

/** Only HR may know of a choice that holds former colleagues. A batch without one came from a command. */
async function maySee(reader: Reader, who: Viewer, choosing: Choosing | null): Promise<boolean> {
  if (!choosing || who.roles.includes('hr') || choosing.choice['kind'] === 'customer') return true;
  if (!choosing.personId) return false;
  const [person] = await reader.select().from(persons).where(eq(persons.id, choosing.personId));
  return person?.kind === 'customer';
}

/** One that this colleague may see. */
export async function choosingOf(reader: Reader, who: Viewer, id: string): Promise<Choosing | null> {
  const [found] = await reader.select().from(choosings).where(eq(choosings.id, id));
  return found && (await maySee(reader, who, found)) ? found : null;
}

export type ListedBatch = Batch & {
  invited: number;
  holdout: number;
  /** How many letters have left, or how many links stand. */
  sent: number;
  /** The jobs process still puts people into it. */
  filling: boolean;
};

/** The newest first. */
export async function batchList(reader: Reader, who: Viewer, limit = 50): Promise<ListedBatch[]> {
  const rows = await reader
    .select({ batch: batches, choosing: choosings })
    .from(batches)
    .leftJoin(choosings, eq(choosings.batchId, batches.id))
    .orderBy(desc(batches.at), desc(batches.id))
    .limit(limit);
  const listed: ListedBatch[] = [];
  for (const { batch, choosing } of rows) {
    if (!(await maySee(reader, who, choosing))) continue;
    const filling = choosing !== null && choosing.finishedAt === null && batch.revokedAt === null;
    listed.push({ ...batch, ...(await inBatch(reader, batch.id)), sent: await sentOf(reader, batch), filling });
  }
  return listed;
}

async function sentOf(reader: Reader, { id, purpose }: Batch): Promise<number> {
  return purpose === 'letters'
    ? reader.$count(letters, and(eq(letters.batchId, id), isNotNull(letters.sentAt)))
    : reader.$count(links, and(eq(links.batchId, id), isNull(links.revokedAt)));
}

/** Takes a batch back, with a reason that the record keeps. It can't be undone. */
export async function takeBack(
  tx: Tx,
  who: Viewer,
  { batchId, because }: { batchId: string; because: string },
  now: Date,
): Promise<{ links: number; letters: number } | Refusal> {
  const done = await revokeBatch(tx, { batchId, by: who.id, because }, now);
  if (!isRefusal(done)) {
    await record(tx, { by: who.id, action: 'revoked a batch', subject: `batches:${batchId}`, detail: done }, now);
  }
  return done;
}

const COLUMNS = ['email', 'first_name', 'last_name', 'link', 'stop_link', 'batch'] as const;

/**
 * The links of a batch as CSV, as it is minted. Six columns under plain names in small letters: mail tools map columns by a header, want
 * one address a row, and take any further column as a field to put into the letter.
 */
export async function* linkFile(
  db: Db,
  who: Viewer,
  batchId: string,
  baseUrl: string,
  now: Date,
): AsyncGenerator<string> {
  await db.write((tx) => record(tx, { by: who.id, action: 'took links', subject: `batches:${batchId}` }, now));
  yield `${COLUMNS.join(',')}\r\n`;
  for await (const rows of linksOf(db, batchId, baseUrl, noAnswersByIssue, now)) {
    yield rows.map((row) => `${COLUMNS.map((column) => quoted(row[column])).join(',')}\r\n`).join('');
  }
}

/** Whether the links of this batch may be taken as a file now. */
export async function fileOf(reader: Reader, who: Viewer, batchId: string): Promise<Batch | Refusal> {
  const [row] = await reader
    .select({ batch: batches, choosing: choosings })
    .from(batches)
    .leftJoin(choosings, eq(choosings.batchId, batches.id))
    .where(eq(batches.id, batchId));
  const found = row && (await maySee(reader, who, row.choosing)) ? row.batch : undefined;
  if (found?.purpose !== 'links') return refuse('no-batch', 'There is no batch of links by this id.');
  if (found.revokedAt !== null) return refuse('revoked', 'This batch was taken back. Its links answer nobody.');
  if (row?.choosing && row.choosing.finishedAt === null)
    return refuse('filling', 'People are still being put into this batch. Wait until it is done.');
  return found;
}

const GAP_WORDS: Record<string, string> = {
  value: 'it was not worth what it cost',
  trust: 'trust was broken',
  experience: 'it did not work for them',
  growth: 'there was nowhere to go',
};

/** `Customers who left over “Exports did not finish” in 2026`: what was chosen by, as a sentence without its full stop. */
export function choiceInWords(choice: Readonly<Record<string, string>>, titleOf: (issue: string) => string): string {
  const { issue, gap, kind, plan, country, left } = choice;
  if (choice['one'] || choice['personId']) return 'One person';
  const who = kind === 'customer' ? 'Customers' : kind === 'employee' ? 'Former colleagues' : 'Everyone';
  return [
    issue || left || plan || gap || country ? who : `${who}${kind ? '' : ' who left'}`,
    issue && `who left over “${titleOf(issue)}”`,
    gap && `who left because ${GAP_WORDS[gap]}`,
    plan && `who had ${plan}`,
    country && `in ${country}`,
    left && `who left in ${left}`,
  ]
    .filter(Boolean)
    .join(', ')
    .replace(', who', ' who');
}
