/*
 * What a complaint is probably about, learned from those that people have already linked. It only proposes: the reason is shown, and a
 * person confirms. Nothing leaves this machine.
 */

export type Example = { label: string; text: string };

/** One proposal: `share` of all the weight, and the words of this text that speak most for it. */
export type Suggestion = { label: string; share: number; words: string[] };

export type Learned = {
  examples: number;
  labels: string[];
  /** Where each known term stands in a row of weights. */
  places: Map<string, number>;
  /** How rare each term is among the examples. */
  rarity: Float64Array;
  /** For each label, how much each term speaks for it; the last is how common the label is. */
  weights: Float64Array[];
};

const STOP = new Set(
  'a about after all also am an and any are as at be because been before being but by can could did do does doing for from get got had has have having he her here him his how i if in into is it its just me more my no nor not now of off on or our out over own she so some such than that the their them then there these they this those through to too under until up us very was we were what when where which while who why will with would you your'.split(
    ' ',
  ),
);

/** The words of a text and its pairs of neighbours, with endings taken off; no addresses, handles, figures or masks. */
export function termsOf(text: string): string[] {
  const words = text
    .toLowerCase()
    .replace(/https?:\/\/\S+|\S+@\S+|@\w+|&\w+;/g, ' ')
    .replace(/n['’]t\b/g, 'n not')
    .match(/[\p{L}]{2,}/gu);
  const kept = (words ?? []).filter((word) => !/^x+$/.test(word));
  const stems = kept.map(stem);
  const single = stems.filter((_, at) => !STOP.has(kept[at]!));
  const pairs = stems
    .slice(1)
    .flatMap((word, at) => (STOP.has(kept[at]!) && STOP.has(kept[at + 1]!) ? [] : [`${stems[at]} ${word}`]));
  return [...single, ...pairs];
}

function stem(word: string): string {
  if (word.length > 5 && word.endsWith('ing')) return word.slice(0, -3);
  if (word.length > 5 && word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  if (word.length > 4 && word.endsWith('ed')) return word.slice(0, -2);
  if (word.length > 4 && word.endsWith('es')) return word.slice(0, -2);
  return word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word;
}

/** A term that stood in one text alone says nothing about others. */
const SEEN_IN_AT_LEAST = 2;
const ROUNDS = 20;
const FORGETTING = 1e-5;

/**
 * Multinomial logistic regression by stochastic gradient descent: each example in turn, twenty times over, pulls the weights of its terms
 * towards its own label. The order is mixed the same way each time, so that the same examples teach the same. Some seconds for ten
 * thousand texts: for a job, not for a page.
 */
export function learn(examples: readonly Example[]): Learned {
  const labels = [...new Set(examples.map(({ label }) => label))].toSorted();
  const told = examples.map(({ label, text }) => ({ label: labels.indexOf(label), terms: countsOf(termsOf(text)) }));
  const seenIn = new Map<string, number>();
  for (const { terms } of told) for (const term of terms.keys()) seenIn.set(term, (seenIn.get(term) ?? 0) + 1);
  const known = [...seenIn].filter(([, texts]) => texts >= SEEN_IN_AT_LEAST);
  const learned: Learned = {
    examples: examples.length,
    labels,
    places: new Map(known.map(([term], at) => [term, at])),
    rarity: Float64Array.from(known, ([, texts]) => Math.log((examples.length + 1) / texts)),
    weights: labels.map(() => new Float64Array(known.length + 1)),
  };
  const vectors = told.map(({ terms }) => vectorOf(learned, terms));
  const order = told.map((_, at) => at);
  let state = 7;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let at = order.length - 1; at > 0; at -= 1) {
      state = (state * 16_807) % 2_147_483_647;
      const other = state % (at + 1);
      [order[at], order[other]] = [order[other]!, order[at]!];
    }
    const step = 1 / (1 + round * 0.1);
    for (const at of order) pull(learned, vectors[at]!, told[at]!.label, step);
  }
  return learned;
}

function pull({ weights, rarity }: Learned, vector: Vector, label: number, step: number): void {
  const shares = sharesOf(weights, vector, rarity.length);
  for (const [at, row] of weights.entries()) {
    const wrong = shares[at]! - (at === label ? 1 : 0);
    if (Math.abs(wrong) < 1e-4) continue;
    for (const [place, value] of vector) row[place]! -= step * (wrong * value + FORGETTING * row[place]!);
    row[rarity.length]! -= step * 0.1 * wrong;
  }
}

/** The labels, likeliest first, with the words that spoke for each of the first three. Empty when no word of it was ever seen. */
export function rank(learned: Learned, text: string): Suggestion[] {
  const { labels, weights, rarity, places } = learned;
  const vector = vectorOf(learned, countsOf(termsOf(text)));
  if (labels.length === 0 || vector.length === 0) return [];
  const terms = [...places.keys()];
  const found = sharesOf(weights, vector, rarity.length)
    .map((share, at) => ({ label: labels[at]!, share, at }))
    .toSorted((a, b) => b.share - a.share);
  const mean = (place: number) => weights.reduce((sum, row) => sum + row[place]!, 0) / weights.length;
  return found.map(({ label, share, at }, position) => {
    if (position > 2) return { label, share, words: [] };
    const spoke = vector
      .map(([place, value]) => ({ term: terms[place]!, force: value * (weights[at]![place]! - mean(place)) }))
      .filter(({ force }) => force > 0)
      .toSorted((a, b) => b.force - a.force);
    return { label, share, words: spoke.slice(0, 4).map(({ term }) => term) };
  });
}

/** The terms of a text by their place, with their weight in it. */
type Vector = [place: number, value: number][];

/** Rare terms weigh more, repeated ones little more, and a long text no more than a short one. */
function vectorOf({ places, rarity }: Pick<Learned, 'places' | 'rarity'>, terms: Map<string, number>): Vector {
  const vector: Vector = [];
  let squares = 0;
  for (const [term, count] of terms) {
    const place = places.get(term);
    if (place === undefined) continue;
    const value = Math.log(1 + count) * rarity[place]!;
    vector.push([place, value]);
    squares += value * value;
  }
  const length = Math.sqrt(squares) || 1;
  return vector.map(([place, value]) => [place, value / length]);
}

function sharesOf(weights: Float64Array[], vector: Vector, common: number): number[] {
  const scores = weights.map((row) => vector.reduce((sum, [place, value]) => sum + row[place]! * value, row[common]!));
  const best = Math.max(...scores);
  const likely = scores.map((score) => Math.exp(score - best));
  const all = likely.reduce((sum, value) => sum + value, 0);
  return likely.map((value) => value / all);
}

function countsOf(terms: string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const term of terms) found.set(term, (found.get(term) ?? 0) + 1);
  return found;
}

export type Group = { refs: string[]; words: string[] };

/**
 * Texts that say alike what nothing else was said about: each is put to the group whose words it shares most, beginning with the one
 * that has most in common with others. Groups of one are none.
 */
export function groupAlike(texts: readonly { ref: string; text: string }[], alike = 0.25): Group[] {
  const told = texts.map(({ ref, text }) => ({
    ref,
    terms: countsOf(termsOf(text).filter((term) => !term.includes(' '))),
  }));
  const seenIn = new Map<string, number>();
  for (const { terms } of told) for (const term of terms.keys()) seenIn.set(term, (seenIn.get(term) ?? 0) + 1);
  const shared = [...seenIn].filter(([, count]) => count > 1 && count <= Math.max(3, told.length * 0.5));
  const learned = {
    places: new Map(shared.map(([term], at) => [term, at])),
    rarity: Float64Array.from(shared, ([, count]) => Math.log((told.length + 1) / count)),
  };
  const names = shared.map(([term]) => term);
  const groups: { refs: string[]; sum: Map<number, number> }[] = [];
  for (const { ref, terms } of told) {
    const vector = vectorOf(learned, terms);
    if (vector.length === 0) continue;
    let best: { group: (typeof groups)[number]; score: number } | null = null;
    for (const group of groups) {
      const length = Math.hypot(...group.sum.values());
      const score = vector.reduce((sum, [place, value]) => sum + value * (group.sum.get(place) ?? 0), 0) / length;
      if (score >= alike && score > (best?.score ?? 0)) best = { group, score };
    }
    const group = best?.group ?? { refs: [], sum: new Map<number, number>() };
    if (!best) groups.push(group);
    group.refs.push(ref);
    for (const [place, value] of vector) group.sum.set(place, (group.sum.get(place) ?? 0) + value);
  }
  return groups
    .filter(({ refs }) => refs.length > 1)
    .map(({ refs, sum }) => ({
      refs,
      words: [...sum]
        .toSorted((a, b) => b[1] - a[1])
        .slice(0, 4)
        .map(([place]) => names[place]!),
    }))
    .toSorted((a, b) => b.refs.length - a.refs.length);
}
