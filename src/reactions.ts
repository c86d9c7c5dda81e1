import { and, eq, ne } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { checkins, reopenings } from '../db/schema/checkins.ts';
import { complaints, persons } from '../db/schema/people.ts';
import { rejoins } from '../db/schema/rejoin.ts';
import { noAnswersByIssue } from './checkins/answers.ts';
import { type Checkin, cancelCheckins, questionFor, reasonOf, scheduleCheckins } from './checkins/schedule.ts';
import { writeLetter } from './invitations/letters.ts';
import type { Correction } from './landing/press.ts';
import { fill } from './mail/delivery.ts';
import { postLetter } from './mail/outbox.ts';
import type { Site } from './proofs/documents.ts';
import { issueWithState, publishedLetter, publishedOffer, publishedSite } from './proofs/published.ts';
import type { NoAnswer } from './proofs/state.ts';
import type { Rejoin } from './rejoin/check.ts';
import { undoUntil } from './rejoin/undo.ts';
import { dayOf, longDay } from './shared/dates.ts';
import { formatMoney } from './shared/money.ts';

/*
 * What happens when. Each reaction runs in the transaction of its cause and only writes rows: letters go to the outbox,
 * never out.
 */

export async function onRejoined(tx: Tx, rejoin: Rejoin, now: Date): Promise<void> {
  await scheduleCheckins(tx, rejoin, now);
  const site = await publishedSite(tx);
  const offer = await publishedOffer(tx, rejoin.offerId);
  await writeLetter(
    tx,
    {
      letter: 'back',
      cause: `back:${rejoin.id}`,
      person: await personOf(tx, rejoin.personId),
      sender: await senderFor(tx, rejoin.personId),
      slots: {
        plan: offer?.data.plan ?? 'your plan',
        amount: formatMoney(rejoin),
        card: rejoin.cardLabel,
        renewsOn: rejoin.renewsOn ? longDay(rejoin.renewsOn) : '',
        undoUntil: longDay(undoUntil(rejoin, site)),
      },
      mint: { link: 'page:back' },
    },
    now,
  );
}

export async function onUndone(tx: Tx, rejoin: Rejoin, now: Date): Promise<void> {
  await cancelCheckins(tx, rejoin.id, now);
  await writeLetter(
    tx,
    {
      letter: 'undone',
      cause: `undone:${rejoin.id}`,
      person: await personOf(tx, rejoin.personId),
      sender: await senderFor(tx, rejoin.personId),
      slots: { refunded: formatMoney({ amount: rejoin.refundedAmount ?? 0, currency: rejoin.currency }) },
    },
    now,
  );
}

/** They left again. Nothing is asked any more; nothing is said either, because they said it by leaving. */
export async function onEnded(tx: Tx, rejoin: Rejoin, now: Date): Promise<void> {
  await cancelCheckins(tx, rejoin.id, now);
}

/** A “no” alerts the owner. If it is the one that makes the issue come back, everyone who returned for it is told. */
export async function onAnswered(tx: Tx, checkin: Checkin, now: Date): Promise<void> {
  if (checkin.answer !== 'no') return;
  const { owner, title } = await questionFor(tx, checkin.issueId);
  const site = await publishedSite(tx);
  await alertOwner(tx, checkin, { owner, title, site }, now);
  const known = (await noAnswersByIssue(tx)).get(checkin.issueId) ?? [];
  const without = known.toSpliced(
    known.findLastIndex(({ personId }) => personId === checkin.personId),
    1,
  );
  const cameBackBy = async (given: NoAnswer[]) => {
    const issue = await issueWithState(tx, checkin.issueId, new Map([[checkin.issueId, given]]), now);
    return issue?.state.state === 'came_back';
  };
  if ((await cameBackBy(known)) && !(await cameBackBy(without))) await tellReturned(tx, checkin, { owner, title }, now);
}

/** “Not quite”: whoever owns what we believed it was reads what it was instead. Their words stay on the desk. */
export async function onCorrected(tx: Tx, correction: Correction, now: Date): Promise<void> {
  if (correction.right || !correction.complaintId) return;
  const [about] = await tx.select().from(complaints).where(eq(complaints.id, correction.complaintId));
  const site = await publishedSite(tx);
  const { owner, title } = about?.issueId
    ? await questionFor(tx, about.issueId)
    : { owner: { address: site.reply_to }, title: 'something we have not linked to a cause' };
  await writeToOwner(
    tx,
    {
      letter: 'owner-correction',
      cause: `owner-correction:${correction.id}`,
      personId: correction.personId,
      to: owner.address ?? site.reply_to,
      slots: { issueTitle: title, sender: site.organisation },
    },
    now,
  );
}

/** A letter to somebody here. It says what to do and by when, and holds nothing of the person it is about. */
async function writeToOwner(
  tx: Tx,
  write: { letter: string; cause: string; personId: string; to: string; slots: Record<string, string> },
  now: Date,
): Promise<void> {
  const text = await publishedLetter(tx, write.letter);
  if (!text) return;
  await postLetter(
    tx,
    {
      cause: write.cause,
      kind: write.letter,
      personId: write.personId,
      to: write.to,
      fromName: write.slots['sender'] ?? '',
      subject: fill(text.data.subject, write.slots),
      body: fill(text.body, write.slots),
    },
    now,
  );
}

/** The owner learns that and by when, and not who or in what words: those stay on the desk. */
async function alertOwner(
  tx: Tx,
  checkin: Checkin,
  { owner, title, site }: Question & { site: Site },
  now: Date,
): Promise<void> {
  const [reopening] = await tx.select().from(reopenings).where(eq(reopenings.checkinId, checkin.id));
  if (!reopening) return;
  await writeToOwner(
    tx,
    {
      letter: 'owner-alert',
      cause: `owner-alert:${checkin.id}`,
      personId: checkin.personId,
      to: owner.address ?? site.reply_to,
      slots: { issueTitle: title, sender: site.organisation, dueOn: longDay(reopening.dueOn) },
    },
    now,
  );
}

type Question = { owner: { name: string; address?: string | undefined }; title: string };

/** Everyone who came back for the same reason hears it from us, once per return of the problem. */
async function tellReturned(tx: Tx, checkin: Checkin, { owner, title }: Question, now: Date): Promise<void> {
  const returned = await tx
    .selectDistinct({ person: persons, rejoinId: rejoins.id })
    .from(rejoins)
    .innerJoin(persons, eq(persons.id, rejoins.personId))
    .innerJoin(checkins, eq(checkins.rejoinId, rejoins.id))
    .where(and(eq(rejoins.state, 'active'), eq(checkins.issueId, checkin.issueId), ne(persons.id, checkin.personId)));
  for (const { person } of returned) {
    await writeLetter(
      tx,
      {
        letter: 'came-back',
        cause: `came-back:${checkin.issueId}:${dayOf(now)}:${person.id}`,
        person,
        sender: owner.name,
        slots: { issueTitle: title },
      },
      now,
    );
  }
}

async function personOf(tx: Tx, personId: string) {
  const [person] = await tx.select().from(persons).where(eq(persons.id, personId));
  return person!;
}

/** The owner of what made them leave signs; without one, the first person the site names. */
async function senderFor(tx: Tx, personId: string): Promise<string> {
  const reason = await reasonOf(tx, personId);
  if (reason?.issueId) return (await questionFor(tx, reason.issueId)).owner.name;
  const site = await publishedSite(tx);
  return Object.values(site.people)[0]?.name ?? site.organisation;
}
