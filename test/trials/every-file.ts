import { isDeepStrictEqual } from 'node:util';
import { EXPECTATIONS, runFile } from '../people/every-file.ts';

/*
 * Every file of customers, employees, complaints, export-formats and nasty: what was expected, written down first, beside what the
 * importer found.
 */

const told = (outcome: Record<string, number> | string | null | undefined) =>
  outcome === null || outcome === undefined
    ? 'not here'
    : typeof outcome === 'string'
      ? `nothing read: ${outcome}`
      : `${outcome.rows} rows: ${outcome.imported} new, ${outcome.merged} merged, ${outcome.leftOut} left out, ${outcome.refused} refused` +
        (outcome.conflicts ? `, ${outcome.conflicts} conflicts` : '') +
        (outcome.proposedMerges ? `, ${outcome.proposedMerges} merges proposed` : '');

let wrong = 0;
let missing = 0;
for (const one of EXPECTATIONS) {
  const found = await runFile(one);
  const expected = one.expect ?? one.nothingRead;
  const same = isDeepStrictEqual(found, expected);
  if (found === null) missing += 1;
  else if (!same) wrong += 1;
  console.log(
    `${found === null ? '  –  ' : same ? '  ok ' : 'WRONG'} ${one.file}${one.after ? ` after ${one.after.join(', ')}` : ''}`,
  );
  console.log(`        expected ${told(expected)}`);
  if (!same) console.log(`        found    ${told(found)}`);
  console.log(`        ${one.why}`);
}
console.log(
  `\n${EXPECTATIONS.length} runs of ${new Set(EXPECTATIONS.map((one) => one.file)).size} files: ${EXPECTATIONS.length - wrong - missing} as expected, ${wrong} not, ${missing} not here.`,
);
if (missing === EXPECTATIONS.length)
  console.error('None of the files is here, so nothing was read: say in AMENDS_SHARED_DATA where they are.');
process.exitCode = missing === EXPECTATIONS.length ? 2 : wrong === 0 ? 0 : 1;
