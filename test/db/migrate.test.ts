import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Db, openDatabase } from '../../db/client.ts';
import { migrate } from '../../db/migrate.ts';
import { type HranaDouble, startHrana } from '../support/hrana.ts';
import { startProcess } from './start-process.ts';

const first = [
  'CREATE TABLE `houses` (`id` integer PRIMARY KEY NOT NULL, `name` text NOT NULL);',
  'CREATE TABLE `rooms` (`id` integer PRIMARY KEY NOT NULL, `house` integer NOT NULL, FOREIGN KEY (`house`) REFERENCES `houses`(`id`) ON DELETE cascade);',
];
const second = ['ALTER TABLE `houses` ADD `street` text;'];
// As drizzle-kit rebuilds a table: with the keys in force, dropping the old one would take every room with it.
const rebuild = [
  'PRAGMA foreign_keys=OFF;',
  'CREATE TABLE `__new_houses` (`id` integer PRIMARY KEY NOT NULL, `name` text);',
  'INSERT INTO `__new_houses`("id", "name") SELECT "id", "name" FROM `houses`;',
  'DROP TABLE `houses`;',
  'ALTER TABLE `__new_houses` RENAME TO `houses`;',
  'PRAGMA foreign_keys=ON;',
];

let folder: string;
let migrations: string;
let url: string;
let hrana: HranaDouble | undefined;
let db: Db;

/** Writes the folder as drizzle-kit does. */
function write(...generated: string[][]) {
  mkdirSync(join(migrations, 'meta'), { recursive: true });
  const entries = generated.map((statements, idx) => {
    const tag = `000${idx}_step`;
    writeFileSync(join(migrations, `${tag}.sql`), statements.join('\n--> statement-breakpoint\n'));
    return { idx, version: '6', when: 1_700_000_000_000 + idx, tag, breakpoints: true };
  });
  writeFileSync(
    join(migrations, 'meta', '_journal.json'),
    JSON.stringify({ version: '7', dialect: 'sqlite', entries }),
  );
}

const columns = (table: string) => db.read.all(sql.raw(`select name from pragma_table_info('${table}')`));

afterEach(async () => {
  await db.close();
  await hrana?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(['a file', 'a libSQL server'])('migrating %s', (engine) => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'amends-migrate-'));
    migrations = join(folder, 'migrations');
    hrana = engine === 'a file' ? undefined : await startHrana(join(folder, 'server.db'));
    url = hrana?.url ?? `file:${join(folder, 'amends.db')}`;
    db = await openDatabase(url);
  });

  test('what is missing is applied once, in order', async () => {
    write(first);
    const both = await Promise.all([migrate(db, migrations), migrate(db, migrations)]);
    expect(both).toEqual([['0000_step'], []]);
    expect(await migrate(db, migrations)).toEqual([]);
    write(first, second);
    expect(await migrate(db, migrations)).toEqual(['0001_step']);
    expect(await columns('houses')).toEqual([['id'], ['name'], ['street']]);
  });

  test('two processes that start at once both end well, and one of them did it', { timeout: 30_000 }, async () => {
    write(first, second);
    const others = await Promise.all([1, 2].map(() => startProcess('migrate', url, migrations)));
    for (const other of others) other.go();
    await Promise.all(others.map((other) => other.end()));
    const did = others.flatMap((other) => other.lines()).sort();
    expect(did).toEqual(['["0000_step","0001_step"]', '[]']);
    expect(await columns('houses')).toEqual([['id'], ['name'], ['street']]);
  });

  test('a table is rebuilt without losing the rows that point at it', async () => {
    write(first);
    await migrate(db, migrations);
    await db.write(async (tx) => {
      await tx.run(sql`insert into houses values (1, 'Mill')`);
      await tx.run(sql`insert into rooms values (1, 1), (2, 1)`);
    });
    write(first, rebuild);
    await migrate(db, migrations);
    expect(await db.read.all(sql`select house from rooms`)).toEqual([[1], [1]]);
    await expect(db.write((tx) => tx.run(sql`insert into rooms values (3, 99)`))).rejects.toThrow('FOREIGNKEY');
  });

  test('a migration that fails, or leaves a row that points at nothing, changes nothing at all', async () => {
    write(first);
    await migrate(db, migrations);
    await db.write((tx) => tx.run(sql`insert into houses values (1, 'Mill')`));
    await db.write((tx) => tx.run(sql`insert into rooms values (1, 1)`));
    write(first, second, ['DROP TABLE nowhere;']);
    await expect(migrate(db, migrations)).rejects.toThrow('SQLITE_ERROR');
    write(first, second, ['DELETE FROM houses;']);
    await expect(migrate(db, migrations)).rejects.toThrow('would leave a row that points at nothing');
    expect(await columns('houses')).toEqual([['id'], ['name']]);
    expect(await db.read.all(sql`select count(*) from houses`)).toEqual([[1]]);
    write(first, second);
    expect(await migrate(db, migrations)).toEqual(['0001_step']);
  });

  test('a database that is newer than the code, or was migrated with other words, is refused with a sentence', async () => {
    write(first, second);
    await migrate(db, migrations);
    write(first);
    await expect(migrate(db, migrations)).rejects.toThrow('This database is newer than this code');
    write(first, [...second, 'SELECT 1;']);
    await expect(migrate(db, migrations)).rejects.toThrow('The migration 0001_step was changed');
  });
});
