import { openDatabase } from '../../db/client.ts';
import { noAnswersByIssue } from '../../src/checkins/answers.ts';
import { askDueCheckins } from '../../src/checkins/schedule.ts';
import { issueStates } from '../../src/proofs/published.ts';

/* `node ask.ts <database>`: one round of the jobs process that asks every question that is due. Prints how many, and how long it took. */

const db = await openDatabase(process.argv[2]!);
const now = new Date();
const issues = await issueStates(db.read, await noAnswersByIssue(db.read), now);
const began = performance.now();
const asked = await askDueCheckins(db, issues, now);
console.log(JSON.stringify({ asked, ms: performance.now() - began }));
await db.close();
