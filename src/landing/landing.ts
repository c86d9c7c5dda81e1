import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { prepared } from '../../db/prepared.ts';
import { reopenings } from '../../db/schema/checkins.ts';
import { corrections, waits } from '../../db/schema/people.ts';
import type { Visit } from '../invitations/links.ts';
import { betterFor, endedOffer, offerForPlan } from '../offers/offer.ts';
import { type History, historyOf, type Shown } from '../people/diagnosis.ts';
import { type MakeGood, owedTo } from '../people/make-good.ts';
import { missedOf } from '../people/missed.ts';
import { resolvedNow } from '../people/resolve.ts';
import { suppressionOf } from '../people/suppression.ts';
import type { Site } from '../proofs/documents.ts';
import { cameBackLine, typeset } from '../proofs/looks/sentences.ts';
import { type IssueWithState, type PublishedOffer, type PublishedProof, publishedOffers } from '../proofs/published.ts';
import { stateWords } from '../proofs/state.ts';
import { newestRejoin, type Rejoin } from '../rejoin/check.ts';
import { type Day, dayOf } from '../shared/dates.ts';
import { formatMoney } from '../shared/money.ts';
import { counted } from '../shared/words.ts';
import { headline, lede, missedRows, OUTCOME_ORDER, type Outcome, outcomeOf } from './sentences.ts';

/** One complaint of theirs, with what became of it. */
export type Told = {
  ref: string;
  main: boolean;
  saidOn: Day | null;
  channel: string | null;
  /** Null when this visitor may not read their words. */
  shown: Shown | null;
  outcome: Outcome;
  title: string;
  /** The one wording of the issue's state. */
  tag: string;
  /** Then and now, or where it stands: one line. */
  line: string | null;
  /** Why it counts as it does for this complaint, as somebody here confirmed it. */
  reason: string | null;
  href: string | null;
  /** How many messages the change behind the link names as what led to it, theirs among them; null: theirs is not. */
  behind: number | null;
  blocks: string | null;
  nextUpdate: Day | null;
  issueId: string | null;
  askedToBeTold: boolean;
  /** After their own “no”: who answers, and by when. */
  reopened: { owner: string; dueOn: Day } | null;
};

export type Landing = {
  history: History;
  /** Their words and terms may be shown to this visitor. */
  trusted: boolean;
  headline: string;
  lede: string;
  told: Told[];
  offer: {
    offer: PublishedOffer;
    seats: number;
    amount: string;
    better: { what: string; saidOn: Day | null }[];
  } | null;
  rejoin: Rejoin | null;
  /** What the page asks them to do first. */
  action: 'rejoin' | 'wait' | 'none' | 'back';
  /** Where it began to break and where we missed it; empty for a visitor who may not read it. */
  missed: { label: string; value: string; note?: string }[];
  /** What changed since they left, beside what they told us about, newest first. */
  meanwhile: { on: Day; headline: string; href: string }[];
  /** The plan as they had it, beside the plan as it is; null when nothing is known of what they had. */
  planThen: { label: string; value: string; note: string } | null;
  /** The offer that there was for their plan, when it has ended. */
  ended: { plan: string; on: Day; because: string } | null;
  why: { title: string; complaintId: string; answered: 'right' | 'corrected' | null } | null;
  declined: boolean;
  stopped: boolean;
  /** The day on which they stopped our letters themselves: then they may start them again. */
  stoppedOn: Day | null;
  /** Money for harm that was done, owed or paid; it has nothing to do with the offer. */
  owed: MakeGood[];
};

const theirs = sql.placeholder('personId');
const waitsOf = prepared((reader) =>
  reader
    .select({ issueId: waits.issueId })
    .from(waits)
    .where(and(eq(waits.personId, theirs), isNull(waits.toldAt))),
);
const reopeningsOf = prepared((reader) =>
  reader
    .select()
    .from(reopenings)
    .where(and(eq(reopenings.personId, theirs), isNull(reopenings.settledAt))),
);
const correctionsOf = prepared((reader) => reader.select().from(corrections).where(eq(corrections.personId, theirs)));

/** Everything a customer's page shows. Reads only; a fixed number of queries. */
export async function landingFor(
  reader: Reader,
  visit: Visit,
  issues: IssueWithState[],
  site: Site,
  today: Day,
): Promise<Landing | null> {
  const personId = visit.person.id;
  const [history, rejoin, offers, asked, open, answers, owed, stop] = await Promise.all([
    historyOf(reader, personId),
    newestRejoin(reader, personId),
    publishedOffers(reader),
    waitsOf(reader, { personId }),
    reopeningsOf(reader, { personId }),
    correctionsOf(reader, { personId }),
    visit.trusted ? owedTo(reader, personId) : [],
    visit.person.email ? suppressionOf(reader, visit.person.email) : null,
  ]);
  if (!history) return null;

  const issueOf = new Map(issues.map((one) => [one.issue.id, one]));
  const askedFor = new Set(asked.map(({ issueId }) => issueId));
  const reopenedOf = new Map(open.map((one) => [one.issueId, one]));
  const told = history.told
    .map((one): Told => {
      const { complaint, shown, resolution } = one;
      const known = complaint.issueId ? issueOf.get(complaint.issueId) : undefined;
      const reopening = complaint.main && complaint.issueId ? reopenedOf.get(complaint.issueId) : undefined;
      const outcome = outcomeOf(known?.state.state ?? null, resolvedNow(resolution, known), reopening !== undefined);
      const proof =
        known?.proofs.find(({ proof }) => proof.id === resolution?.proofId)?.proof ?? known?.proofs[0]?.proof;
      return {
        ref: complaint.ref,
        main: complaint.id === history.main?.id,
        saidOn: complaint.saidOn,
        channel: complaint.channel,
        shown: visit.trusted ? shown : null,
        outcome,
        title: typeset(known?.issue.data.title ?? 'Not linked to a cause yet'),
        tag: reopening ? 'Reopened for you' : known ? tagFor(outcome, known) : 'Not fixed yet',
        line: typesetOr(lineOf(known, proof)),
        // What was confirmed for them before it came back is no longer so.
        reason: visit.trusted && outcome !== 'came_back' ? typesetOr(resolution?.reason) : null,
        behind: visit.trusted && proof ? behindChange(proof, complaint.ref) : null,
        href: proof ? `/proofs/${proof.id}` : known ? `/issues/${known.issue.id}` : null,
        blocks: proof ? null : typesetOr(known?.issue.data.blocks),
        nextUpdate: known?.issue.data.next_update ?? null,
        issueId: known ? complaint.issueId : null,
        askedToBeTold: visit.trusted && complaint.issueId !== null && askedFor.has(complaint.issueId),
        reopened:
          reopening && visit.trusted
            ? { owner: site.people[reopening.owner]?.name ?? site.organisation, dueOn: reopening.dueOn }
            : null,
      };
    })
    .toSorted(
      (a, b) => Number(b.main) - Number(a.main) || OUTCOME_ORDER.indexOf(a.outcome) - OUTCOME_ORDER.indexOf(b.outcome),
    );

  const main = told.find((one) => one.main) ?? null;
  const mainIssue = main?.issueId ? issueOf.get(main.issueId) : undefined;
  const returned = rejoin !== null && ['paying', 'active', 'undoing'].includes(rejoin.state);
  const offer = history.neverContact ? null : offerOf(history, offers, issueOf, today);
  const gone = endedOffer(offers, history.departure?.planOrRole ?? null, today);
  const answered = answers.find((answer) => answer.complaintId === history.main?.id);

  return {
    history,
    trusted: visit.trusted,
    headline: headline(
      told.map((one) => one.outcome),
      history.withheld,
    ),
    lede: lede({
      plan: history.departure?.planOrRole ?? null,
      leftOn: history.departure?.leftOn ?? null,
      precision: history.departure?.precision ?? null,
      firstSaidOn: history.told[0]?.complaint.saidOn ?? null,
      mainSaidOn: main?.saidOn ?? null,
      weKnewOn: mainIssue?.issue.data.known_on ?? null,
    }),
    told,
    offer,
    rejoin,
    action: returned
      ? 'back'
      : !offer
        ? 'none'
        : main && (main.outcome === 'not_fixed' || main.outcome === 'came_back')
          ? 'wait'
          : 'rejoin',
    missed: visit.trusted ? missedRows(missedOf(history, mainIssue?.issue.data.known_on ?? null)) : [],
    planThen: visit.trusted ? planThenAndNow(history, offer) : null,
    meanwhile: visit.trusted ? meanwhileOf(history, issues) : [],
    ended:
      gone && !history.neverContact
        ? { plan: gone.data.plan, on: gone.data.ends_on!, because: gone.data.ends_because ?? '' }
        : null,
    why:
      main && history.main && main.issueId
        ? {
            title: main.title,
            complaintId: history.main.id,
            answered: answered ? (answered.right ? 'right' : 'corrected') : null,
          }
        : null,
    declined: visit.trusted && visit.person.declinedAt !== null,
    stopped: stop !== null,
    owed,
    stoppedOn: visit.trusted && stop?.reason === 'stopped' ? dayOf(stop.at, site.time_zone) : null,
  };
}

/** Changes after the day they left that hold or are watched, for people like them, and not what stands above on their page. */
function meanwhileOf(history: History, issues: IssueWithState[]): Landing['meanwhile'] {
  const leftOn = history.departure?.leftOn;
  if (!leftOn) return [];
  const theirs = new Set(history.told.map(({ complaint }) => complaint.issueId));
  const others = issues.filter(
    ({ issue, state }) =>
      !theirs.has(issue.id) &&
      issue.data.affects.includes(history.person.kind) &&
      (state.state === 'holding' || state.state === 'watching'),
  );
  const changed = new Map(others.flatMap(({ proofs }) => proofs.map(({ proof }) => [proof.id, proof])));
  return [...changed.values()]
    .filter(({ data }) => data.changed_on > leftOn)
    .map(({ id, headline, data }) => ({ on: data.changed_on, headline: typeset(headline), href: `/proofs/${id}` }))
    .toSorted((a, b) => (a.on < b.on ? 1 : -1));
}

function planThenAndNow(history: History, offer: Landing['offer']): Landing['planThen'] {
  const { planOrRole, seats, amount, currency } = history.departure ?? {};
  if (!offer || !planOrRole) return null;
  const { plan, interval } = offer.offer.data;
  const seated = (many: number | null | undefined) => (many ? `, ${counted(many, 'seat')}` : '');
  const price = amount && currency ? `, ${formatMoney({ amount: amount * (seats ?? 1), currency })} a ${interval}` : '';
  return {
    label: 'Plan',
    value: `${plan}${seated(offer.seats)}, ${offer.amount} a ${interval}`,
    note: `When you left: ${planOrRole}${seated(seats)}${price}`,
  };
}

/** The same messages that its public page counts beside each change. */
function behindChange({ data }: PublishedProof, ref: string): number | null {
  const refs = new Set(data.changes.flatMap(({ informed_by }) => informed_by));
  return refs.has(ref) ? refs.size : null;
}

function typesetOr(text: string | undefined): string | null {
  return text === undefined ? null : typeset(text);
}

/** Then and now in one line; what brought it back, where it came back; where it stands, where nothing was changed. */
function lineOf(known: IssueWithState | undefined, proof: PublishedProof | undefined): string | undefined {
  const back = known && proof && cameBackLine(known.state, proof.summaries);
  return back || (proof?.line ?? known?.issue.data.stands);
}

/** The issue's own words, but never “fixed” for somebody whose own complaint isn't. */
function tagFor(outcome: Outcome, { state }: IssueWithState): string {
  if (outcome === 'partly') return 'Partly fixed';
  if (outcome === 'not_fixed') return 'Not fixed yet';
  if (outcome === 'watching' && state.state === 'holding') return 'Changed, not yet confirmed for you';
  return stateWords(state);
}

/** What is better, as far as it is true for this person today: a line whose issue does not hold for them is left out. */
function offerOf(
  history: History,
  offers: PublishedOffer[],
  issueOf: ReadonlyMap<string, IssueWithState>,
  today: Day,
): Landing['offer'] {
  const offer = offerForPlan(offers, history.departure?.planOrRole ?? null, today);
  if (!offer) return null;
  const seats = history.departure?.seats ?? 1;
  const about = history.told.map(({ complaint: { issueId, saidOn }, resolution }) => {
    return { issueId, saidOn, resolved: resolvedNow(resolution, issueId ? issueOf.get(issueId) : undefined) };
  });
  const better = betterFor(offer.data, about, issueOf).map(({ what, issue }) => ({
    what: typeset(what),
    saidOn: about.find(({ issueId }) => issueId === issue)?.saidOn ?? null,
  }));
  const amount = formatMoney({ amount: offer.data.amount * seats, currency: offer.data.currency });
  return { offer, seats, amount, better };
}
