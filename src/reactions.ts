import { and, eq, ne } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { checkins, reopenings } from '../db/schema/checkins.ts';
import { persons } from '../db/schema/people.ts';
import { rejoins } from '../db/schema/rejoin.ts';
import { noAnswersByIssue } from './checkins/answers.ts';
import { type Checkin, cancelCheckins, questionFor, reasonOf, scheduleCheckins } from './checkins/schedule.ts';
import { writeLetter } from './invitations/letters.ts';
import { fill } from './mail/delivery.ts';
import { postLetter } from './mail/outbox.ts';
import type { Series, Site } from './proofs/documents.ts';
import { formatValue, type Point } from './proofs/evidence.ts';
import { limitWords } from './proofs/looks/sentences.ts';
import {
  circumstancesOf,
  issueStates,
  issueWithState,
  type PublishedProof,
  publishedItems,
  publishedLetter,
  publishedOffer,
  publishedProof,
  publishedRole,
  publishedSite,
} from './proofs/published.ts';
import { isBeyond, type NoAnswer, stateOfIssue } from './proofs/state.ts';
import type { Rejoin } from './rejoin/check.ts';
import { undoUntil } from './rejoin/undo.ts';
import type { RoleOffer } from './reonboarding/offer.ts';
import { planSteps, type Step } from './reonboarding/steps.ts';
import { type Day, dayOf, longDay } from './shared/dates.ts';
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
  if (!(await cameBackBy(known)) || (await cameBackBy(without))) return;
  await tellReturned(tx, checkin.issueId, now, { except: checkin.personId });
}

/** Which measurements were just stored: of one series, on these days. */
export type Measured = { proofId: string; seriesId: string; days: readonly Day[] };

/**
 * New measurements. Where they make an issue come back, everyone who returned for it is told, and its owner. Nothing else needs doing:
 * pages, the gate and check-ins read the state.
 */
export async function onMeasured(tx: Tx, { proofId, seriesId, days }: Measured, now: Date): Promise<void> {
  const proof = await publishedProof(tx, proofId);
  const series = proof?.data.series.find(({ id }) => id === seriesId);
  if (!series || days.length === 0) return;
  const isNew = new Set(days);
  const crossed = (proof?.points[seriesId] ?? []).find(({ on, value }) => isNew.has(on) && isBeyond(series, value));
  if (!crossed) return;
  const [site, noAnswers] = await Promise.all([publishedSite(tx), noAnswersByIssue(tx)]);
  const circumstances = circumstancesOf(site, now);
  for (const { issue, state, proofs } of await issueStates(tx, noAnswers, now)) {
    if (state.state !== 'came_back' || !proofs.some((one) => one.proof.id === proofId)) continue;
    const before = proofs.map((one) => (one.proof.id === proofId ? without(one.proof, seriesId, isNew) : one.proof));
    const was = stateOfIssue(before, noAnswers.get(issue.id) ?? [], circumstances);
    if (was.state === 'came_back') continue;
    await tellReturned(tx, issue.id, now);
    await alertOfCrossing(tx, issue.id, { series, crossed, site }, now);
  }
}

function without(proof: PublishedProof, seriesId: string, days: ReadonlySet<Day>): PublishedProof {
  const points = (proof.points[seriesId] ?? []).filter(({ on }) => !days.has(on));
  return { ...proof, points: { ...proof.points, [seriesId]: points } };
}

/** The owner learns what was measured, and that everything else has happened already. */
async function alertOfCrossing(
  tx: Tx,
  issueId: string,
  { series, crossed, site }: { series: Series; crossed: Point; site: Site },
  now: Date,
): Promise<void> {
  const alert = await publishedLetter(tx, 'owner-measured');
  if (!alert) return;
  const { owner, title } = await questionFor(tx, issueId);
  const said = (value: number) => formatValue(series.unit, value, series.currency);
  const slots = {
    issueTitle: title,
    sender: site.organisation,
    series: series.title,
    value: said(crossed.value),
    on: longDay(crossed.on),
    limit: limitWords(series),
  };
  await postLetter(
    tx,
    {
      cause: `owner-measured:${issueId}:${series.id}:${crossed.on}`,
      kind: 'owner-alert',
      personId: null,
      to: owner.address ?? site.reply_to,
      fromName: site.organisation,
      subject: fill(alert.data.subject, slots),
      body: fill(alert.body, slots),
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
  const alert = await publishedLetter(tx, 'owner-alert');
  const [reopening] = await tx.select().from(reopenings).where(eq(reopenings.checkinId, checkin.id));
  if (!alert || !reopening) return;
  const slots = { issueTitle: title, sender: site.organisation, dueOn: longDay(reopening.dueOn) };
  await postLetter(
    tx,
    {
      cause: `owner-alert:${checkin.id}`,
      kind: 'owner-alert',
      personId: checkin.personId,
      to: owner.address ?? site.reply_to,
      fromName: site.organisation,
      subject: fill(alert.data.subject, slots),
      body: fill(alert.body, slots),
    },
    now,
  );
}

type Question = { owner: { name: string; address?: string | undefined }; title: string };

/**
 * Everyone who came back for the reason that has itself come back hears it from us, once per return of the problem; except the
 * one who told us.
 */
async function tellReturned(tx: Tx, issueId: string, now: Date, { except }: { except?: string } = {}): Promise<void> {
  const { owner, title } = await questionFor(tx, issueId);
  const other = except === undefined ? undefined : ne(persons.id, except);
  const returned = await tx
    .selectDistinct({ person: persons, rejoinId: rejoins.id })
    .from(rejoins)
    .innerJoin(persons, eq(persons.id, rejoins.personId))
    .innerJoin(checkins, eq(checkins.rejoinId, rejoins.id))
    .where(and(eq(rejoins.state, 'active'), eq(checkins.issueId, issueId), other));
  for (const { person } of returned) {
    await writeLetter(
      tx,
      {
        letter: 'came-back',
        cause: `came-back:${issueId}:${dayOf(now)}:${person.id}`,
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

/** An offer of a role was issued: whoever talks with people about it writes. What they told us is not in the letter. */
export async function onOffered(tx: Tx, offer: RoleOffer, now: Date): Promise<void> {
  await writeAboutOffer(tx, offer, { letter: 'role-offer', slots: { answerBy: longDay(offer.answerBy) } }, now);
}

/** They accepted: a copy goes to them, and each colleague whom their first week waits for gets one task. */
export async function onAccepted(tx: Tx, offer: RoleOffer, now: Date): Promise<void> {
  const site = await publishedSite(tx);
  const { terms, termsHash, acceptedName, acceptedAt } = offer;
  const acceptedOn = longDay(dayOf(acceptedAt ?? now, site.time_zone));
  const slots = { terms, hash: termsHash, name: acceptedName ?? '', acceptedOn };
  await writeAboutOffer(tx, offer, { letter: 'role-accepted', slots }, now);
  for (const step of await planSteps(tx, offer, site.time_zone)) await writeTask(tx, offer, step, site, now);
}

/** They took it back: nothing is asked of anybody any more. */
export async function onTakenBack(tx: Tx, offer: RoleOffer, now: Date): Promise<void> {
  await writeAboutOffer(tx, offer, { letter: 'role-withdrawn', slots: {} }, now);
}

/** “I would like to talk about it.” The letter names nobody: who it is stands at the desk. */
export async function onTalk(
  tx: Tx,
  { personId, roleId }: { personId: string; roleId: string },
  now: Date,
): Promise<void> {
  const [site, role, letter] = await Promise.all([
    publishedSite(tx),
    publishedRole(tx, roleId),
    publishedLetter(tx, 'wants-to-talk'),
  ]);
  if (!role || !letter) return;
  const slots = { role: role.data.title, sender: site.organisation };
  await postLetter(
    tx,
    {
      cause: `wants-to-talk:${personId}:${roleId}`,
      kind: 'wants-to-talk',
      personId: null,
      to: site.people[role.data.talk_to]?.address ?? site.reply_to,
      fromName: site.organisation,
      subject: fill(letter.data.subject, slots),
      body: fill(letter.body, slots),
    },
    now,
  );
}

/** The letter with a task's own link. `again`: a reminder; its link replaces the one before. */
export async function writeTask(
  tx: Tx,
  offer: RoleOffer,
  step: Step & { owner: string },
  site: Site,
  now: Date,
  again = '',
): Promise<void> {
  const [letter, items] = await Promise.all([publishedLetter(tx, 'task'), publishedItems(tx)]);
  const item = items.find(({ id }) => id === step.itemId);
  if (!letter || !item) return;
  const slots = {
    what: item.data.title,
    startOn: longDay(offer.startOn),
    dueOn: longDay(step.dueOn),
    sender: site.organisation,
  };
  await postLetter(
    tx,
    {
      cause: `task:${step.id}${again}`,
      kind: 'task',
      personId: null,
      to: site.people[step.owner]?.address ?? site.reply_to,
      fromName: site.organisation,
      subject: fill(letter.data.subject, slots),
      body: fill(letter.body, slots),
      mint: { task: `task:${step.id}` },
    },
    now,
  );
}

async function writeAboutOffer(
  tx: Tx,
  offer: RoleOffer,
  { letter, slots }: { letter: 'role-offer' | 'role-accepted' | 'role-withdrawn'; slots: Record<string, string> },
  now: Date,
): Promise<void> {
  const [site, role] = await Promise.all([publishedSite(tx), publishedRole(tx, offer.roleId)]);
  const sender = site.people[role?.data.talk_to ?? '']?.name ?? site.organisation;
  const person = await personOf(tx, offer.personId);
  await writeLetter(tx, { letter, cause: `${letter}:${offer.id}`, person, sender, slots }, now);
}
