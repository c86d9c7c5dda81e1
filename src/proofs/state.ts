import { type Day, daysBetween, longDay } from '../shared/dates.ts';
import { counted, plainName } from '../shared/words.ts';
import type { Proof, Series, Site } from './documents.ts';
import { formatValue, inOrder, median, type Point, splitAtChange } from './evidence.ts';

/*
 * Whether something counts as fixed. Nobody sets a state: it follows from the documents, the measurements, the answers of
 * people who returned, and the day.
 */

export type StateName = 'not_yet' | 'watching' | 'holding' | 'came_back';

/** A measurement beyond its limit, or the “no” that reached ours; `on` is its day. */
export type Crossing =
  | { series: string; title: string; on: Day; value: number }
  /** How many people said no so far. Below the site's count floor a page doesn't show the number. */
  | { noAnswers: number; on: Day };

export type State = {
  state: StateName;
  /** The day of the change; when it came back, the day it did; null before any change. */
  since: Day | null;
  /** Plain sentences: what is missing to hold, or what brought it back. Empty when it holds. */
  why: string[];
  /** Whole weeks since the change: to the latest measurement where there is a series, to today otherwise. */
  weeks: number;
  /** Judged by at least one series. */
  measured: boolean;
  /** A document or a finding, with the people affected asked again, carries it. */
  verified: boolean;
  crossing?: Crossing;
};

/** One “no” at a check-in, on the day it was given. */
export type NoAnswer = { on: Day; personId: string };

/** A proof with its measurements by the id of the series. */
export type ProofFacts = { id: string; data: Proof; points: Record<string, readonly Point[]> };

export type Circumstances = {
  site: Pick<Site, 'holding' | 'reopen' | 'people'>;
  /** The day it is. Nothing later than this is taken into account. */
  today: Day;
};

const RANK: Record<StateName, number> = { holding: 0, watching: 1, not_yet: 2, came_back: 3 };

/** Came back is worst, then not yet, then watching. Of equals: since the first return, or since the latest change. */
function worst(states: State[]): State {
  return states.reduce((a, b) => {
    if (RANK[a.state] !== RANK[b.state]) return RANK[a.state] > RANK[b.state] ? a : b;
    if (a.since === null || b.since === null) return a;
    return a.state === 'came_back' ? (b.since < a.since ? b : a) : b.since > a.since ? b : a;
  });
}

function together(states: State[]): State {
  const bad = worst(states);
  return {
    ...bad,
    why: states.filter((one) => one.state === bad.state).flatMap((one) => one.why),
    weeks: Math.min(...states.map((one) => one.weeks)),
    measured: states.some((one) => one.measured),
    verified: states.some((one) => one.verified),
  };
}

/** Every page asks for the state of every series, and on one day it is the same: what was worked out last, by the measurements. */
const workedOut = new WeakMap<readonly Point[], { from: readonly unknown[]; state: State }>();

/** One series on its own: what its measurements say, whoever confirmed it. The measurements must not be changed in place. */
export function stateOfSeries(
  series: Series,
  points: readonly Point[],
  changedOn: Day,
  { site, today }: Circumstances,
): State {
  const { points_before, points_after, days, shift } = site.holding;
  const from = [series, changedOn, today, points.length, points_before, points_after, days, shift];
  const known = workedOut.get(points);
  if (known?.from.every((one, index) => one === from[index])) return known.state;
  const state = judgeSeries(series, points, changedOn, { site, today });
  workedOut.set(points, { from, state });
  return state;
}

function judgeSeries(
  series: Series,
  unordered: readonly Point[],
  changedOn: Day,
  { site, today }: Pick<Circumstances, 'today'> & { site: Pick<Site, 'holding'> },
): State {
  const points = inOrder(unordered, today);
  const { before, after } = splitAtChange(series, points, changedOn);
  const last = after.at(-1)?.on ?? changedOn;
  const weeks = Math.floor(daysBetween(changedOn, last) / 7);
  const shared = { weeks, measured: true, verified: false };

  const over = after.find((point) => isBeyond(series, point.value));
  if (over) {
    const value = formatValue(series.unit, over.value, series.currency);
    const limit = formatValue(series.unit, series.reopen_limit, series.currency);
    return {
      ...shared,
      state: 'came_back',
      since: over.on,
      why: [`${series.title}: ${value} on ${longDay(over.on)}. We said that beyond ${limit} it has come back.`],
      crossing: { series: series.id, title: series.title, on: over.on, value: over.value },
    };
  }

  const { points_before, points_after, days, shift } = site.holding;
  const why: string[] = [];
  if (before.length < points_before) why.push(`${before.length} of ${points_before} measurements before the change.`);
  if (after.length < points_after) why.push(`${after.length} of ${points_after} measurements after the change.`);
  const measuredFor = daysBetween(changedOn, last);
  if (measuredFor < days) why.push(`Measured for ${measuredFor} of ${days} days since the change.`);
  const run = longestRun(series, before, after);
  if (run < shift) {
    why.push(`${run} of ${shift} measurements in a row on the better side of the earlier median.`);
  }
  return { ...shared, state: why.length === 0 ? 'holding' : 'watching', since: changedOn, why };
}

/** One measurement past the limit is enough; exactly at it is not past it. */
export function isBeyond(series: Pick<Series, 'better' | 'reopen_limit'>, value: number): boolean {
  return series.better === 'lower' ? value > series.reopen_limit : value < series.reopen_limit;
}

/**
 * The shift rule of run charts: consecutive points on the better side of the median of the time before. A point exactly on
 * the median neither counts nor breaks the run (Perla, Provost and Murray, BMJ Quality & Safety 2011;20:46-51).
 */
function longestRun(series: Series, before: readonly Point[], after: readonly Point[]): number {
  const middle = median(before.map((point) => point.value));
  if (middle === null) return 0;
  let longest = 0;
  let run = 0;
  for (const { value } of after) {
    if (value === middle) continue;
    run = (series.better === 'lower' ? value < middle : value > middle) ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

/** What is missing until the document or finding, the waiting time and the people asked again carry the change. */
function missingToVerify({ verified, changed_on }: Proof, { site, today }: Circumstances): string[] {
  if (!verified || verified.dated > today) return ['No document or finding shows it yet.'];
  const why: string[] = [];
  const passed = daysBetween(changed_on, today);
  if (passed < site.holding.days) why.push(`${passed} of ${site.holding.days} days since the change.`);
  const asked = verified.reask;
  if (!asked || asked.on < changed_on || asked.on > today) {
    why.push('The people affected have not been asked again since the change.');
  } else if (!(asked.answered > 0 && asked.yes / asked.answered > site.holding.reask_yes)) {
    const wanted = formatValue('percent', site.holding.reask_yes * 100);
    why.push(`Asked again, ${asked.yes} of ${asked.answered} who answered said yes. It needs more than ${wanted}.`);
  }
  return why;
}

/** Someone other than the owner and those who made the change has confirmed it, since the change. */
function missingConfirmation(
  { confirmer, owner, changes, changed_on }: Proof,
  { site, today }: Circumstances,
): string[] {
  if (!confirmer || confirmer.on > today) return ['Nobody independent has confirmed it yet.'];
  if (confirmer.on < changed_on) return ['It has not been confirmed again since the latest change.'];
  const { name: said } = confirmer;
  if (said === undefined) return [];
  const ours = [owner, ...changes.map((change) => change.by)].map((id) => site.people[id]?.name ?? id);
  return ours.some((name) => sameName(name, said))
    ? ['The person who confirmed it is not independent of the change.']
    : [];
}

export function sameName(a: string, b: string): boolean {
  return plainName(a) === plainName(b);
}

/** What a proof's own evidence says. A proof with series is judged by them; without one, by what was verified. */
function evidenceOf({ data, points }: ProofFacts, circumstances: Circumstances): State {
  const { changed_on } = data;
  if (changed_on > circumstances.today) {
    return {
      state: 'not_yet',
      since: null,
      why: [`The change is planned for ${longDay(changed_on)}.`],
      weeks: 0,
      measured: false,
      verified: false,
    };
  }
  const unverified = missingToVerify(data, circumstances);
  const unconfirmed = missingConfirmation(data, circumstances);
  const verified = unverified.length === 0 && unconfirmed.length === 0;
  if (data.series.length === 0) {
    const why = [...unverified, ...unconfirmed];
    const weeks = Math.floor(daysBetween(changed_on, circumstances.today) / 7);
    return { state: verified ? 'holding' : 'watching', since: changed_on, why, weeks, measured: false, verified };
  }
  const several = data.series.length > 1;
  const judged = together(
    data.series.map((series) => {
      const state = stateOfSeries(series, points[series.id] ?? [], changed_on, circumstances);
      const named = several && state.state === 'watching';
      return named ? { ...state, why: state.why.map((why) => `${series.title}: ${why}`) } : state;
    }),
  );
  if (judged.state === 'came_back' || unconfirmed.length === 0) return { ...judged, verified };
  return { ...judged, verified, state: 'watching', why: [...judged.why, ...unconfirmed] };
}

/** The day on which enough returned people had said no, each counted once, since the change. */
function broughtBack(answers: readonly NoAnswer[], changedOn: Day, { site, today }: Circumstances): State | null {
  const firstOf = new Map<string, Day>();
  for (const { on, personId } of answers) {
    if (on < changedOn || on > today) continue;
    const earlier = firstOf.get(personId);
    if (earlier === undefined || on < earlier) firstOf.set(personId, on);
  }
  const days = [...firstOf.values()].toSorted();
  const limit = site.reopen.no_answers;
  const on = days[limit - 1];
  if (on === undefined) return null;
  return {
    state: 'came_back',
    since: on,
    why: [
      `On ${longDay(on)} the returned people who told us that it is not fixed for them reached our limit of ${limit}: ` +
        'from then on we say that it came back.',
    ],
    weeks: 0,
    measured: false,
    verified: false,
    crossing: { noAnswers: days.length, on },
  };
}

/**
 * The day on which the “no” answers about one of a proof’s issues reached the limit since its change; the first, of several
 * issues. Null while none has.
 */
export function answersLimitReachedOn(
  proof: ProofFacts,
  noAnswers: ReadonlyMap<string, readonly NoAnswer[]>,
  circumstances: Circumstances,
): Day | null {
  const days = proof.data.issues.flatMap(
    (issue) => broughtBack(noAnswers.get(issue) ?? [], proof.data.changed_on, circumstances)?.since ?? [],
  );
  return days.toSorted()[0] ?? null;
}

function withAnswers(state: State, back: State | null): State {
  return back ? { ...together([state, back]), weeks: state.weeks } : state;
}

/**
 * The state a proof's page shows. `noAnswers` are the answers about each issue that it is for: a proof never says fixed while
 * one of its issues has come back since its change.
 */
export function stateOfProof(
  proof: ProofFacts,
  noAnswers: ReadonlyMap<string, readonly NoAnswer[]>,
  circumstances: Circumstances,
): State {
  const own = evidenceOf(proof, circumstances);
  if (own.state === 'not_yet') return own;
  const backs = proof.data.issues.flatMap(
    (issue) => broughtBack(noAnswers.get(issue) ?? [], proof.data.changed_on, circumstances) ?? [],
  );
  return withAnswers(own, backs.length > 0 ? worst(backs) : null);
}

/** The state of an issue: the worst of its proofs, and what returned people say about this issue since its latest change. */
export function stateOfIssue(
  proofs: readonly ProofFacts[],
  noAnswers: readonly NoAnswer[],
  circumstances: Circumstances,
): State {
  if (proofs.length === 0) {
    const why = ['Nothing has been changed yet.'];
    return { state: 'not_yet', since: null, why, weeks: 0, measured: false, verified: false };
  }
  const own = together(proofs.map((proof) => evidenceOf(proof, circumstances)));
  const changes = proofs.map((proof) => proof.data.changed_on).filter((on) => on <= circumstances.today);
  const latest = changes.toSorted().at(-1);
  return withAnswers(own, latest === undefined ? null : broughtBack(noAnswers, latest, circumstances));
}

/** `Fixed and holding 26 weeks`, `Came back on 3 November 2026`: the one wording of a state, everywhere. */
export function stateWords({ state, since, weeks, measured, verified }: State): string {
  if (state === 'not_yet') return 'Not fixed yet';
  if (state === 'watching') return 'Changed, being watched';
  if (state === 'came_back') return `Came back on ${longDay(since!)}`;
  const how = [measured && 'measured', verified && 'verified'].filter(Boolean).join(' and ');
  return `Fixed and holding ${counted(weeks, 'week')} (${how})`;
}
