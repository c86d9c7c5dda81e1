import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { eq, sql } from 'drizzle-orm';
import { openDatabase } from '../../db/client.ts';
import { prepared } from '../../db/prepared.ts';
import { links } from '../../db/schema/invitations.ts';
import { complaints, departures, persons } from '../../db/schema/people.ts';
import { importFile } from '../../src/people/intake/import.ts';
import { NEUTRAL } from '../../src/people/intake/mapping.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { hashSecret } from '../../src/shared/secrets.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { mintBatch } from '../support/links.ts';
import { seededDatabase } from '../support/seeded.ts';
import { type Bench, count, type Figure, inTurns, median, perSecond } from './figures.ts';
import { addPeople } from './people.ts';
import { openSite } from './serving.ts';

/* The database without any page: reading, importing, minting. */

const micro = (value: number) => `${value.toFixed(0)} µs`;

const ourLink = prepared((reader) =>
  reader
    .select()
    .from(links)
    .where(eq(links.hash, sql.placeholder('hash'))),
);
const theirs = sql.placeholder('personId');
const ourRest = [
  prepared((reader) => reader.select().from(persons).where(eq(persons.id, theirs))),
  prepared((reader) => reader.select().from(complaints).where(eq(complaints.personId, theirs))),
  prepared((reader) => reader.select().from(departures).where(eq(departures.personId, theirs))),
];

/** Four statements of a personal page, built once as there, one person after the other; microseconds, ours and those of the driver alone. */
async function four(db: FreshDatabase, tokens: readonly string[]): Promise<[ours: number, driver: number]> {
  const bare = new DatabaseSync(db.path, { readOnly: true });
  const link = bare.prepare('select * from links where hash = ?');
  const rest = [
    bare.prepare('select * from persons where id = ?'),
    bare.prepare('select * from complaints where person_id = ?'),
    bare.prepare('select * from departures where person_id = ?'),
  ];
  const [ours, driver]: [number[], number[]] = [[], []];
  for (let at = 0; at < 3000; at += 1) {
    const hash = hashSecret(tokens[(at * 7919) % tokens.length]!);
    let began = performance.now();
    const [found] = await ourLink(db.read, { hash });
    const { personId } = found!;
    for (const ask of ourRest) await ask(db.read, { personId });
    ours.push((performance.now() - began) * 1000);
    began = performance.now();
    const id = link.get(hash)!['person_id']!;
    for (const statement of rest) statement.all(id);
    driver.push((performance.now() - began) * 1000);
  }
  bare.close();
  // The first ones pay for what is made once.
  return [median(ours.slice(500)), median(driver.slice(500))];
}

export async function growth(bench: Bench): Promise<Figure[]> {
  const { db, tokens } = await openSite(bench);
  const small = await seededDatabase();
  const few = await addPeople(small, 1000, new Date());
  const [grown, before] = await inTurns(
    bench,
    async () => (await four(db, tokens))[0],
    async () => (await four(small, few))[0],
  );
  await small.cleanup();
  const ratio = median(grown) / median(before);
  return [
    {
      id: 'B4',
      what: `four statements of a personal page with ${count(bench.people)} people`,
      figure: micro(median(grown)),
      limit: `${micro(median(before))}: with 1,000`,
      ratio,
      target: 'at most 1.30',
      reached: ratio <= 1.3,
    },
  ];
}

export async function layer(bench: Bench): Promise<Figure[]> {
  const { db, tokens } = await openSite(bench);
  const [ours, driver] = await four(db, tokens);
  return [
    {
      id: 'B5',
      what: 'the same four, without HTTP',
      figure: micro(ours),
      limit: `${micro(driver)}: node:sqlite, prepared`,
      ratio: ours / driver,
      target: 'at most 1.8',
      reached: ours / driver <= 1.8,
    },
  ];
}

/** Random addresses: sorted ones would fall into the index one after the other. */
export async function imports(bench: Bench): Promise<Figure[]> {
  const many = bench.quick ? 20_000 : 200_000;
  const file = join(bench.folder, 'people.csv');
  const columns = 'source,person_id,kind,first_name,last_name,email,time_zone';
  const rows = Array.from(
    { length: many },
    (_, at) => `crm,p-${at},customer,Sam,Person ${at},${randomBytes(9).toString('hex')}@people.example,Europe/London`,
  );
  writeFileSync(file, `${columns}\n${rows.join('\n')}\n`);
  const shell = sqliteShell();
  const [ours, theirs] = await inTurns(
    { ...bench, rounds: 1 },
    async () => {
      const fresh = await freshDatabase();
      const db = await openDatabase(fresh.url, { bulk: true });
      const rate = await perSecond(many, async () => {
        const report = await importFile(db, { path: file, mapping: NEUTRAL, now: new Date() });
        if (isRefusal(report)) throw new Error(report.sentence);
      });
      await db.close();
      await fresh.cleanup();
      return rate;
    },
    async () => {
      if (!shell) return Number.NaN;
      const path = join(bench.folder, 'shell.db');
      const table = `create table people(${columns}); create unique index address on people(email);`;
      execFileSync('sqlite3', [path, table]);
      const rate = await perSecond(many, () =>
        execFileSync('sqlite3', [path, '-cmd', '.mode csv', `.import --skip 1 ${file} people`]),
      );
      rmSync(path);
      return rate;
    },
  );
  const ratio = median(ours) / median(theirs);
  return [
    {
      id: 'B6',
      what: `${count(many)} people imported, validated and compared with each other`,
      figure: `${count(median(ours))} rows/s`,
      ...(shell
        ? { limit: `${count(median(theirs))} rows/s: ${shell}’s .import with a unique index`, ratio }
        : { limit: 'nothing: sqlite3 is not on the path' }),
      target: 'at least 0.50',
      reached: shell ? ratio >= 0.5 : null,
    },
  ];
}

/** What the shell calls itself, or null where there is none. */
function sqliteShell(): string | null {
  try {
    return `sqlite3 ${execFileSync('sqlite3', ['--version'], { encoding: 'utf8' }).split(' ')[0]}`;
  } catch {
    return null;
  }
}

export async function minting(bench: Bench): Promise<Figure[]> {
  const many = bench.quick ? 20_000 : 100_000;
  const db = await seededDatabase();
  const [person] = await db.read.select({ id: persons.id }).from(persons).limit(1);
  // A page link and a stop link for each.
  const ids = Array.from({ length: many / 2 }, () => person!.id);
  const [ours, theirs] = await inTurns(
    { ...bench, rounds: 2 },
    () => perSecond(many, () => mintBatch(db, ids, new Date(), { stops: true })),
    () =>
      perSecond(many, () => {
        for (let made = 0; made < many; made += 1)
          createHash('sha256').update(randomBytes(32).toString('base64url')).digest();
      }),
  );
  await db.cleanup();
  return [
    {
      id: 'B8',
      what: `${count(many)} links minted, a page link and a stop link for each person`,
      figure: `${count(median(ours))}/s`,
      limit: `${count(median(theirs))}/s: only made and hashed`,
      ratio: median(ours) / median(theirs),
      target: 'a million within 60 s: 16,667/s',
      reached: median(ours) >= 16_667,
    },
  ];
}
