// What the kill tests start: `begin-process.ts <database> <sandbox> <person id>`. It says 'ready', waits for a line, and
// presses “Rejoin and pay” for that person; then it does what the jobs do. It says what it acknowledges.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { openDatabase } from '../../db/client.ts';
import { openPayments } from '../../src/payments/stripe.ts';
import { beginRejoin } from '../../src/rejoin/begin.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { intentOf, round } from './house.ts';

const [database = '', sandbox = '', externalId = ''] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);

const db = await openDatabase(database);
const payments = openPayments({ secretKey: 'sk_test_amends', webhookSecret: 'whsec_test', apiBase: sandbox });
const intent = await intentOf(db, payments, externalId);
say('ready');
await once(process.stdin, 'data');

const now = new Date();
const begun = await beginRejoin(db, payments, intent, now);
say(isRefusal(begun) ? begun.code : 'begun');
await round(db, payments, new Date(now.getTime() + 61_000));
say('back');
await db.close();
process.exit();
