import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readBackup } from '../backups/backup.ts';
import { ERASURES } from '../backups/erased.ts';
import { keyIn, restoreBackup } from '../backups/restore.ts';
import { env } from '../env.ts';
import { isRefusal } from '../shared/refusal.ts';
import { counted } from '../shared/words.ts';
import type { Verb } from './verb.ts';

export const restore: Verb = {
  name: 'restore',
  summary: 'Bring a backup back into a new folder, without those who were erased since.',
  help: `Use: amends restore FILE --key KEYFILE --to NEWFOLDER [--erasures FILE]... [--json]
     amends restore FILE --key KEYFILE --check

Reads the whole backup, checks every hash, and puts the database and its files into a folder that is not there yet; never over
anything. Everybody who was erased since is erased again, and whoever said stop is not written to. What came back neither
sends nor pays until you say that it goes on: amends due --send-from-here.

  --key KEYFILE     the file with the secret key (AGE-SECRET-KEY-1…), or - for standard input; not for a plain backup
  --to NEWFOLDER    where to
  --erasures FILE   another ${ERASURES}; ERASURES_FILE and the one beside the backup are read anyway
  --no-erasures     go on although there is no such file: whoever was erased since the backup comes back
  --check           read and check the backup only; write nothing
  --json            print what was done as JSON

SUPPRESSION_KEY must be the one that the site has always had.

Exit code: 0 done, 1 refused or not whole, 2 called wrongly.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        key: { type: 'string' },
        to: { type: 'string' },
        erasures: { type: 'string', multiple: true, default: [] },
        'no-erasures': { type: 'boolean' },
        check: { type: 'boolean' },
        json: { type: 'boolean' },
      },
    });
    const [path] = positionals;
    if (positionals.length !== 1 || !path || (!values.to && !values.check)) {
      io.err(this.help);
      return 2;
    }
    const plain = path.endsWith('.tar.gz');
    const named = [path, ...(values.key && values.key !== '-' ? [values.key] : []), ...values.erasures];
    const missing = named.find((file) => !existsSync(file));
    if (missing) {
      io.err(`There is no ${missing}.`);
      return 2;
    }
    const key = plain || !values.key ? null : keyIn(values.key);
    if (!plain && key === null) {
      io.err('This backup is encrypted. Name the file that holds the secret key (AGE-SECRET-KEY-1…): --key KEYFILE.');
      return 2;
    }
    const began = performance.now();
    const seconds = () => Math.round(performance.now() - began) / 1000;
    try {
      if (values.check) {
        const { madeAt, rows } = await readBackup(path, key, async (_, body) => {
          for await (const _piece of body);
        });
        const made = new Date(madeAt).toISOString();
        io.out(
          values.json
            ? JSON.stringify({ made, rows, seconds: seconds() })
            : `Whole. Made ${made}; ${counted(
                Object.values(rows).reduce((sum, many) => sum + many, 0),
                'row',
              )}.`,
        );
        return 0;
      }
      const known = [
        ...new Set([env.ERASURES_FILE, join(dirname(path), ERASURES), ...values.erasures].map((one) => resolve(one))),
      ];
      const erasures = known.filter((file) => existsSync(file));
      if (erasures.length === 0 && !values['no-erasures']) {
        io.err(
          `Neither ${known.join(' nor ')} is there, so nobody knows who was erased since this backup. Bring one (--erasures FILE), or say --no-erasures.`,
        );
        return 1;
      }
      const restored = await restoreBackup({ path, key, folder: values.to!, erasures }, new Date());
      if (isRefusal(restored)) {
        io.err(restored.sentence);
        return 1;
      }
      const { folder, manifest, migrated, people, stops } = restored;
      const made = new Date(manifest.madeAt).toISOString();
      if (values.json) {
        io.out(
          JSON.stringify({
            folder,
            made,
            rows: manifest.rows,
            migrated,
            erasedAgain: people,
            stops,
            seconds: seconds(),
          }),
        );
        return 0;
      }
      io.out(`The backup of ${made} is in ${folder}, after ${seconds().toFixed(1)} s.`);
      if (migrated.length > 0) io.out(`Its database was brought up to this version: ${migrated.join(', ')}.`);
      io.out(
        `Erased again: ${counted(people, 'record')}. Kept from being written to since: ${counted(stops, 'address', 'addresses')}. By: ${erasures.join(', ') || 'nothing'}.`,
      );
      io.out('');
      io.out('It neither sends nor pays yet. To go on with it, stop the site, set');
      io.out(`  DATABASE_URL=file:${join(folder, 'amends.db')}`);
      io.out(`  CONTENT_DIR=${join(folder, 'content')}`);
      io.out(`  UPLOADS_DIR=${join(folder, 'uploads')}`);
      io.out(
        'and let amends doctor look: it may call nothing wrong but that this is a restored copy, and that the jobs process is still. Start the site, then: amends due --send-from-here. What was paid since comes from Stripe by itself.',
      );
      return 0;
    } catch (error) {
      io.err(`The backup can’t be used: ${error instanceof Error ? error.message : error}`);
      return 1;
    }
  },
};
