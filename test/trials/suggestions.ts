import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { recordsOf } from '../../src/people/intake/csv.ts';
import { type Example, learn, rank, termsOf } from '../../src/people/suggest.ts';
import { sharedData } from '../people/intake/shared-data.ts';

/*
 * How often a suggestion is right, on real complaints that people labelled. Half of the rows, by a hash of their text so that two of the
 * same stand on one side, were looked at while the ranking was made (`--tuning` measures by five folds of them); the other half is only ever
 * measured. Beside it: always naming the commonest label, and SQLite's own full-text search, which answers the label of the text that is most
 * alike.
 */

const { values } = parseArgs({ options: { tuning: { type: 'boolean', default: false } } });

type Set = { name: string; file: string; label: string; text: string; keep?: (label: string) => boolean };
const SETS: Set[] = [
  {
    name: 'airline tweets, the reason that readers chose',
    file: 'complaints/airline_tweets_delta_united_virgin.csv',
    label: 'negativereason',
    text: 'text',
    // “Can't Tell” is no label, and ten slips name something pleasant.
    keep: (label) => !["Can't Tell", ''].includes(label) && !/best|good|on time|okay|nice|amazing/.test(label),
  },
  {
    name: 'CFPB narratives, the product',
    file: 'complaints/cfpb_narratives_a.csv',
    label: 'Product',
    text: 'Consumer complaint narrative',
  },
  {
    name: 'CFPB complaints, the issue that the person ticked',
    file: 'complaints/cfpb_complaints_even_ids.csv',
    label: 'Issue',
    text: 'Consumer complaint narrative',
  },
];

const side = (text: string) => createHash('sha256').update(text).digest()[0]! % 2;

async function read({ file, label, text, keep = (found) => found !== '' }: Set): Promise<Example[] | null> {
  const { path, found } = sharedData(file);
  if (!found) return null;
  let header: string[] | null = null;
  const examples: Example[] = [];
  for await (const record of recordsOf(path)) {
    header ??= record.cells.map((cell) => cell.replace(/^\ufeff/, ''));
    if (record.cells === header) continue;
    const cell = (name: string) => record.cells[header!.indexOf(name)] ?? '';
    if (cell(text).trim() !== '' && keep(cell(label)) && cell(label) !== label)
      examples.push({ label: cell(label), text: cell(text) });
  }
  return examples;
}

type Right = { first: number; three: number };
const empty = (): Right => ({ first: 0, three: 0 });

function measure(train: Example[], test: Example[]): Record<'majority' | 'search' | 'ours', Right> {
  const result = { majority: empty(), search: empty(), ours: empty() };
  const note = (right: Right, labels: string[], label: string) => {
    if (labels[0] === label) right.first += 1;
    if (labels.slice(0, 3).includes(label)) right.three += 1;
  };
  const sizes = new Map<string, number>();
  for (const { label } of train) sizes.set(label, (sizes.get(label) ?? 0) + 1);
  const commonest = [...sizes].toSorted((a, b) => b[1] - a[1]).map(([label]) => label);

  const search = new DatabaseSync(':memory:');
  search.exec("create virtual table told using fts5(text, label unindexed, tokenize = 'porter unicode61')");
  const insert = search.prepare('insert into told values (?, ?)');
  for (const { text, label } of train) insert.run(text, label);
  const find = search.prepare('select label from told where told match ? order by rank limit 30');

  const learned = learn(train);
  for (const { text, label } of test) {
    note(result.majority, commonest, label);
    const words = [...new globalThis.Set(text.toLowerCase().match(/[\p{L}]{2,}/gu) ?? [])].slice(0, 200);
    const hits =
      words.length === 0 ? [] : (find.all(words.map((word) => `"${word}"`).join(' OR ')) as { label: string }[]);
    note(result.search, [...new globalThis.Set(hits.map((hit) => hit.label))], label);
    note(
      result.ours,
      rank(learned, text).map((one) => one.label),
      label,
    );
  }
  search.close();
  return result;
}

const percent = (count: number, of: number) => `${((count / of) * 100).toFixed(1)} %`.padStart(7);

let measured = 0;
const worse: string[] = [];
for (const set of SETS) {
  const examples = await read(set);
  if (!examples) {
    console.log(`${set.name}: not here.`);
    continue;
  }
  measured += 1;
  const [tuning, kept] = [
    examples.filter(({ text }) => side(text) === 0),
    examples.filter(({ text }) => side(text) === 1),
  ];
  const rounds = values.tuning
    ? Array.from(
        { length: 5 },
        (_, fold) => [tuning.filter((_, at) => at % 5 !== fold), tuning.filter((_, at) => at % 5 === fold)] as const,
      )
    : [[tuning, kept] as const];
  const sums = { majority: empty(), search: empty(), ours: empty() };
  let tested = 0;
  for (const [train, test] of rounds) {
    const found = measure(train, test);
    tested += test.length;
    for (const [name, right] of Object.entries(found) as [keyof typeof sums, Right][]) {
      sums[name].first += right.first;
      sums[name].three += right.three;
    }
  }
  console.log(
    `${set.name}: ${new globalThis.Set(examples.map(({ label }) => label)).size} labels, learned from ${rounds[0]![0].length}, measured on ${tested}${values.tuning ? ' (five folds of the tuning half)' : ' never looked at'}.`,
  );
  if (sums.ours.first <= Math.max(sums.majority.first, sums.search.first)) worse.push(set.name);
  for (const [name, what] of [
    ['majority', 'the commonest label'],
    ['search', 'full-text search'],
    ['ours', 'suggestion'],
  ] as const) {
    console.log(
      `  ${what.padEnd(22)} first ${percent(sums[name].first, tested)}   among three ${percent(sums[name].three, tested)}`,
    );
  }
}
console.log(`A text of 200 words has ${termsOf('word '.repeat(200)).length} terms.`);
if (measured === 0) {
  console.error(
    'None of the real complaints is here, so nothing was measured: say in AMENDS_SHARED_DATA where they are.',
  );
  process.exitCode = 2;
} else if (worse.length > 0) {
  console.error(`Right less often than what it stands beside: ${worse.join('; ')}.`);
  process.exitCode = 1;
}
