import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { addDays } from '../../src/shared/dates.ts';

const csv = (first: string, values: number[]) =>
  ['date,value,n', ...values.map((value, index) => `${addDays(first, index * 7)},${value},100`), ''].join('\n');

/** Ten weeks at 20%, eight at 0.3%, the change on 1 June 2026. */
export const failedCsv = csv('2026-03-23', [...Array<number>(10).fill(20), ...Array<number>(8).fill(0.3)]);

export const proofMd = `---
headline: Exports now finish
line: "{before} failed. {after} fail now."
lede: "For 89 days {before} of exports failed. In the {weeks} weeks since 1 June 2026 it was {after}."
issues: [exports-failed]
owner: priya
started_on: 2026-03-04
known_on: 2026-03-09
changed_on: 2026-06-01
no_voice_because: Nobody has agreed to be quoted yet.
changes:
  - { what: A worker for each export.,
    on: 2026-06-01, source: { label: What it did to people, href: /issues/exports-failed },
    by: yusuf }
series:
  - id: failed
    file: failed.csv
    title: Share of exports that failed, weekly
    unit: percent
    better: lower
    reopen_limit: 2
    source: Table export_runs
confirmer:
  name: Eilidh Strachan
  relation: complained
  on: 2026-07-09
  how: She exported her report twelve times.
still_not_right: Files over 2 GB are a separate fault, and that one is not fixed.
review_on: 2026-12-14
---
We broke exports on 4 March 2026.

Then we were slow.
`;

/** A small, faultless content directory, file by file. */
export function contentFiles(): Record<string, string> {
  return {
    'site.yaml': `organisation: Northline
about: Northline makes reporting software.
reply_to: answers@northline.example
time_zone: Europe/London
people:
  priya:
    name: Priya Nair
    role: Head of Data Platform
  yusuf:
    name: Yusuf Demir
    role: Engineer
`,
    'issues/exports-failed.md': `---
title: Exports failed on Mondays
summary: Exports stopped half-way and left no file.
gap: experience
affects: [customer]
owner: priya
started_on: 2026-03-04
known_on: 2026-03-09
---
You press Export, and there is no file.
`,
    'proofs/exports-finish/index.md': proofMd,
    'proofs/exports-finish/failed.csv': failedCsv,
    'offers/team.md': `---
plan: Team
for_plans: [Team]
lookup_key: team_month
amount: 960
currency: gbp
interval: month
better:
  - what: Your exports finish.
    issue: exports-failed
cannot: Files over 2 GB still fail too often.
---
`,
    'checkins/exports-failed.yaml': 'issue: exports-failed\nquestion: Do your exports still finish?\n',
    'pages/how-we-count.md': '---\ntitle: How we count\n---\nBy hand.\n',
    'letters/back.md': '---\nsubject: You are back\n---\nYou are back.\n',
  };
}

/** Writes the files into a folder of their own. */
export function writeFolder(files: Record<string, string>): { dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'amends-content-'));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
