import { openDatabase } from '../../../db/client.ts';
import { importFile } from '../../../src/people/intake/import.ts';
import { NEUTRAL } from '../../../src/people/intake/mapping.ts';

/* A process that imports a file as the command does, with fewer rows a transaction, so that a small file has many of them. */

const [url = '', path = '', rowsATransaction = '100'] = process.argv.slice(2);
const db = await openDatabase(url, { bulk: true });
const options = { path, mapping: NEUTRAL, now: new Date(), rowsATransaction: Number(rowsATransaction) };
console.log(JSON.stringify(await importFile(db, options)));
await db.close();
