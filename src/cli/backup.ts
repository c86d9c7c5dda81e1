import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { databaseFile } from '../../db/engines/commits.ts';
import { backupsIn, forget, makeBackup, tooMany } from '../backups/backup.ts';
import { ERASURES, noteErasures } from '../backups/erased.ts';
import { database } from '../database.ts';
import { env } from '../env.ts';
import { counted } from '../shared/words.ts';
import type { Verb } from './verb.ts';

export const backup: Verb = {
  name: 'backup',
  summary: 'Make a backup while the site serves, encrypted, and read it back before it counts.',
  help: `Use: amends backup [--to FOLDER] [--plain] [--json]
     amends backup --new-key

Copies the database as it is at one moment, with CONTENT_DIR and UPLOADS_DIR, into one file that only the holders of the secret keys of
BACKUP_RECIPIENTS can read, reads it back, and takes away those that are no longer kept (BACKUP_KEEP_DAYS). Beside them lies
${ERASURES}, by which a restored copy knows who was erased since. The jobs process does the same by itself
every BACKUP_EVERY_MINUTES when BACKUP_DIR is set.

  --to FOLDER   instead of BACKUP_DIR
  --plain       not encrypted: whoever has the file has everything about everyone
  --new-key     print a new pair of keys, once. Keep the secret one where this machine is not
  --json        print what was made as JSON

The file is a tar.gz, encrypted with age: \`age -d -i key.txt FILE | tar xz\` opens it without Amends.

Exit code: 0 made, 1 not made, 2 called wrongly.`,
  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: {
        to: { type: 'string' },
        plain: { type: 'boolean' },
        'new-key': { type: 'boolean' },
        json: { type: 'boolean' },
      },
    });
    if (values['new-key']) {
      const secret = await generateX25519Identity();
      io.err(
        'Keep the line that begins with AGE-SECRET-KEY away from this machine. Without it no backup can be read; it is not shown again.',
      );
      io.out(`# public key, for BACKUP_RECIPIENTS: ${await identityToRecipient(secret)}`);
      io.out(secret);
      return 0;
    }
    const folder = values.to ?? env.BACKUP_DIR;
    if (folder === '') {
      io.err('Say where: --to FOLDER, or set BACKUP_DIR.');
      return 2;
    }
    const recipients = values.plain ? [] : env.BACKUP_RECIPIENTS;
    if (!values.plain && recipients.length === 0) {
      io.err(
        'BACKUP_RECIPIENTS is not set, so nobody could read it. Make a key: amends backup --new-key. Or, without encryption: --plain.',
      );
      return 2;
    }
    const file = databaseFile(env.DATABASE_URL);
    if (file === null) {
      io.err(
        'The database is on a server, which makes its own backups: use those. Then amends restore can’t be used either.',
      );
      return 1;
    }
    const db = await database();
    try {
      await noteErasures(db.read, env.ERASURES_FILE);
      await noteErasures(db.read, join(folder, ERASURES));
    } finally {
      await db.close();
    }
    const began = performance.now();
    const files = { content: env.CONTENT_DIR, uploads: env.UPLOADS_DIR };
    const made = await makeBackup({ database: file, files, folder, recipients }, new Date());
    const old = tooMany(backupsIn(folder), env.BACKUP_KEEP_DAYS, new Date());
    forget(old);
    const { path, bytes, manifest } = made;
    const rows = Object.values(manifest.rows).reduce((sum, many) => sum + many, 0);
    const seconds = Math.round(performance.now() - began) / 1000;
    io.out(
      values.json
        ? JSON.stringify({
            path,
            bytes,
            seconds,
            rows: manifest.rows,
            encrypted: recipients.length > 0,
            forgotten: old.length,
          })
        : `${path}: ${counted(rows, 'row')}, ${(bytes / 1e6).toFixed(1)} MB, in ${seconds.toFixed(1)} s, read back and whole. ${counted(old.length, 'old one')} taken away.`,
    );
    return 0;
  },
};
