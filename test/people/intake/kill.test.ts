import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complaints } from '../../../db/schema/people.ts';
import { type ImportReport, importFile } from '../../../src/people/intake/import.ts';
import { NEUTRAL } from '../../../src/people/intake/mapping.ts';
import { type FreshDatabase, freshDatabase } from '../../support/database.ts';
import { content } from './dump.ts';

const ROWS = 8000;
const ROWS_A_TRANSACTION = 100;
let folder: string;
let path: string;
let db: FreshDatabase;
let whole: FreshDatabase;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'amends-kill-'));
  path = join(folder, 'people.csv');
  writeFileSync(path, synthetic());
  db = await freshDatabase();
  whole = await freshDatabase();
});
afterAll(async () => {
  await db.cleanup();
  await whole.cleanup();
  rmSync(folder, { recursive: true, force: true });
});

/** People with several rows each, some far apart, blanks filled later, conflicts, and rows to refuse. */
function synthetic(): string {
  const header = 'source,person_id,kind,first_name,email,left_on,plan_or_role,complaint_id,said_on,words,gap,extra';
  const gaps = ['value', 'trust', 'experience', 'growth', ''];
  const rows = Array.from({ length: ROWS }, (_, at) => {
    const person = (at * 7919) % 3_600;
    const kind = at % 101 === 0 ? 'client' : 'customer';
    const name = at % 3 === 0 ? `Name ${person}` : '';
    const left = `2026-0${1 + (person % 9)}`;
    const words = `"Row ${at} said,\nover two lines."`;
    return `load,p-${person},${kind},${name},p${person}@load.example,${left},Plan ${at % 2},c-${at},2026-01-05,${words},${gaps[at % 5]},x${at % 4}`;
  });
  return `${[header, ...rows].join('\n')}\n`;
}

function importInto({ url }: FreshDatabase): {
  child: ReturnType<typeof spawn>;
  ended: Promise<{ signal: string | null; code: number | null; out: string }>;
} {
  const child = spawn(
    process.execPath,
    ['test/people/intake/import-in-steps.ts', url, path, String(ROWS_A_TRANSACTION)],
    {
      env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let out = '';
  child.stdout!.on('data', (chunk) => {
    out += chunk;
  });
  const ended = new Promise<{ signal: string | null; code: number | null; out: string }>((resolve) => {
    child.on('close', (code, signal) => resolve({ signal, code, out }));
  });
  return { child, ended };
}

test('killed five times and run again, an import ends as if it had never been interrupted', async () => {
  // It comes to its end by itself, and so leaves its compiled code behind for those that won't.
  const uninterrupted = JSON.parse((await importInto(whole).ended).out) as ImportReport;
  expect(uninterrupted.rows).toBe(ROWS);
  expect(uninterrupted.refused).toHaveLength(80);

  const total = await whole.read.$count(complaints);
  const reached: number[] = [];
  for (let killed = 0; killed < 5; killed += 1) {
    const before = await db.read.$count(complaints);
    const { child, ended } = importInto(db);
    // Wait until it adds rows, so that the blow falls somewhere between the first of this run and the last.
    const until = performance.now() + 10_000;
    const more = 1 + Math.random() * 1000;
    while ((await db.read.$count(complaints)) < before + more && performance.now() < until) await setTimeout(10);
    await setTimeout(Math.random() * 20);
    child.kill('SIGKILL');
    expect((await ended).signal).toBe('SIGKILL');
    reached.push(await db.read.$count(complaints));
  }
  expect(reached).toEqual(reached.toSorted((a, b) => a - b));
  // How far it gets between two blows depends on the machine; some of them must fall within the work.
  expect(new Set(reached).size).toBeGreaterThan(1);
  expect(reached[0]).toBeLessThan(total);

  const { code, out } = await importInto(db).ended;
  expect(code).toBe(0);
  const last = JSON.parse(out) as ImportReport;
  expect(last.imported + last.merged.total + last.refused.length).toBe(ROWS);
  expect(last.refused).toEqual(uninterrupted.refused);
  expect(await content(db)).toEqual(await content(whole));

  const again = await importFile(db, { path, mapping: NEUTRAL, now: new Date() });
  expect(again).toMatchObject({ imported: 0, merged: { added: 0 } });
}, 240_000);
