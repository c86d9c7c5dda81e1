import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { openDatabase } from '../../db/client.ts';
import { copyDatabase } from '../../db/engines/copy.ts';
import { makeBackup } from '../../src/backups/backup.ts';
import { noteErasures } from '../../src/backups/erased.ts';
import { restoreBackup } from '../../src/backups/restore.ts';
import { root } from '../../src/cli/processes.ts';
import { erasePerson } from '../../src/people/erase.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { must } from '../support/must.ts';
import { seededDatabase } from '../support/seeded.ts';

/*
 * The drill: a place with a million people is backed up, encrypted and read back; some are erased; then it is restored into a new folder.
 * Every row of every table must be what it was, except those of the erased. The place is kept, so that a second run begins with it.
 */

const { values } = parseArgs({
  options: { people: { type: 'string', default: '1000000' }, fresh: { type: 'boolean', default: false } },
});
const people = Number(values.people);
/**
 * Tables that say that this is a copy, or who was erased: whatever stood in them must stand there still, but for these columns, and more
 * may have come.
 */
const GROWN: { [table: string]: string[] } = {
  sending: ['instance', 'handed'],
  people_counts: ['erased'],
  erased_ids: [],
  erased_answers: [],
  erasures: [],
  suppressions: [],
};
const folder = join(tmpdir(), `amends-restore-${people}`);
if (values.fresh) rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const path = join(folder, 'amends.db');
const timed = async <T>(what: string, work: () => Promise<T> | T): Promise<[T, number]> => {
  const began = performance.now();
  const done = await work();
  const seconds = (performance.now() - began) / 1000;
  console.log(`${what}: ${seconds.toFixed(1)} s`);
  return [done, seconds];
};

if (!existsSync(join(folder, 'filled'))) {
  await timed(`${people} people made up`, async () => {
    for (const old of ['', '-wal', '-shm']) rmSync(path + old, { force: true });
    const seeded = await seededDatabase();
    await seeded.fold();
    const empty = new DatabaseSync(seeded.path);
    empty.prepare('VACUUM INTO ?').run(path);
    empty.close();
    await seeded.cleanup();
    fill(new DatabaseSync(path));
    writeFileSync(join(folder, 'filled'), '');
  });
}

const key = await generateX25519Identity();
const recipients = [await identityToRecipient(key)];
const erasures = join(folder, 'erasures');
for (const name of ['backups', 'back', 'erasures']) rmSync(join(folder, name), { recursive: true, force: true });
const what = { database: path, files: { content: join(root, 'content') }, folder: join(folder, 'backups'), recipients };
const [made, backupSeconds] = await timed('Backup, encrypted and read back', () => makeBackup(what, new Date()));
const before = hashes(path, '');

// Ten people of the copy that serves are erased after the backup, and put back where they were for the next drill: in a copy of it.
const later = join(folder, 'later.db');
rmSync(later, { force: true });
copyDatabase(path, later);
const live = await openDatabase(`file:${later}`);
const erased = Array.from({ length: 10 }, (_, n) => `p-${Math.floor((n * people) / 10) + 1}`);
for (const id of erased) {
  must(await live.write((tx) => erasePerson(tx, id, new Date())));
}
await noteErasures(live.read, erasures);
await live.close();
rmSync(later);

const [restored, restoreSeconds] = await timed('Restored, checked, migrated, ten erased again', () =>
  restoreBackup({ path: made.path, key, folder: join(folder, 'back'), erasures: [erasures] }, new Date()),
);
if (isRefusal(restored)) throw new Error(restored.sentence);
const back = join(restored.folder, 'amends.db');
const without = `'${erased.join("','")}'`;
const [expected, found] = [hashes(path, without), hashes(back, without)];
const differ = [
  ...Object.keys(expected).filter((table) => expected[table] !== found[table]),
  ...Object.keys(GROWN).filter((table) => lacking(table) > 0),
];
const all = hashes(back, '');
const alsoChanged = Object.keys(before).filter((table) => before[table] !== all[table]);
console.log(
  `${people} people, database ${(statSync(path).size / 1e6).toFixed(0)} MB, backup ${(made.bytes / 1e6).toFixed(0)} MB; backup ${backupSeconds.toFixed(1)} s, restore ${restoreSeconds.toFixed(1)} s (limit 300). Erased again ${restored.people} of ${erased.length}. Tables that differ in anything else: ${differ.length === 0 ? 'none' : differ.join(', ')}. Tables in which the erased left a gap: ${alsoChanged.join(', ')}.`,
);
process.exitCode = differ.length === 0 && restored.people === erased.length && restoreSeconds <= 300 ? 0 : 1;

/** People who left, what they left and what they said, written by SQLite itself. */
function fill(database: DatabaseSync): void {
  const numbers = `with recursive n(n) as (select 1 union all select n + 1 from n where n < ${people})`;
  database.exec(`begin;
    ${numbers} insert into persons (id, kind, source, external_id, first_name, last_name, email, email_norm, time_zone, facts, created_at)
      select 'p-' || n, 'customer', 'trial', n, 'First' || n % 1000, 'Last' || n, n || '@' || hex(n * 7919) || '.example',
        n || '@' || lower(hex(n * 7919)) || '.example', 'Europe/London', '{}', 1700000000000 + n from n;
    ${numbers} insert into departures (id, person_id, external_id, left_on, precision, plan_or_role, amount, currency, facts, created_at)
      select 'd-' || n, 'p-' || n, n, date(1700000000 + n % 30000000, 'unixepoch'), 'day', 'Team', 4800, 'gbp', '{}', 1700000000000 + n from n;
    ${numbers} insert into complaints (id, ref, person_id, said_on, channel, words, main, confidentiality, names_others, public_consent, created_at)
      select 'c-' || n, 'trial:' || n, 'p-' || n, '2026-01-01', 'email', 'The export stopped at ' || n || ' rows, ' || hex(n * 104729) || ', again.',
        1, 'open', 0, 0, 1700000000000 + n from n;
    ${numbers} insert into suppressions (address_hash, reason, at) select randomblob(32), 'stopped', 1700000000000 + n from n where n % 100 = 0;
    ${numbers} insert into erased_ids (hash) select randomblob(32) from n where n % 1000 = 0;
    ${numbers} insert into erasures (id, at, folded_at) select 'e-' || n, 1700000000000 + n, 1700000000000 + n from n where n % 1000 = 0;
    commit`);
  database.close();
}

/** SHA-256 of every table's rows, those of the named people and the tables of `GROWN` left out. */
function hashes(file: string, withoutPeople: string): { [table: string]: string } {
  const database = new DatabaseSync(file, { readOnly: true });
  const found: { [table: string]: string } = {};
  const tables = database
    .prepare("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")
    .all();
  for (const { name } of tables) {
    if (String(name) in GROWN) continue;
    const columns = database
      .prepare(`select name from pragma_table_info('${name}')`)
      .all()
      .map((one) => one['name']);
    const person = name === 'persons' ? 'id' : columns.includes('person_id') ? 'person_id' : null;
    const but = person && withoutPeople ? ` where "${person}" not in (${withoutPeople}) or "${person}" is null` : '';
    const hash = createHash('sha256');
    const rows = database.prepare(`select * from "${name}"${but} order by 1`);
    rows.setReturnArrays(true);
    for (const row of rows.iterate()) hash.update(JSON.stringify(row));
    found[String(name)] = hash.digest('hex');
  }
  database.close();
  return found;
}

/** How many rows of a table stood in the place and do not stand in what came back. */
function lacking(table: string): number {
  const database = new DatabaseSync(back, { readOnly: true });
  database.prepare('attach ? as place').run(path);
  const all = database.prepare(`select name from pragma_table_info('${table}')`).all();
  const columns = all.map(({ name }) => String(name)).filter((name) => !GROWN[table]!.includes(name));
  const same = columns.map((name) => `"${name}"`).join(', ');
  const rows = database
    .prepare(
      `select count(*) as n from (select ${same} from place."${table}" except select ${same} from main."${table}")`,
    )
    .get();
  database.close();
  return Number(rows!['n']);
}
