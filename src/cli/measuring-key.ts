import { parseArgs } from 'node:util';
import { database } from '../database.ts';
import { type MeasuringKey, measuringKeysOf } from '../proofs/measuring-keys.ts';
import { dayOf } from '../shared/dates.ts';
import { isRefusal } from '../shared/refusal.ts';
import { endKey, makeKey } from '../staff/measuring.ts';
import type { Verb } from './verb.ts';

export const measuringKey: Verb = {
  name: 'measuring-key',
  summary: 'Make, list and revoke the keys with which systems send measurements.',
  help: `Use: amends measuring-key --proof <proof> --label "Nightly export job" [--json]
     amends measuring-key --list [--json]
     amends measuring-key --revoke <id> [--json]

A key sends measurements of one proof, to POST /measurements/<proof>/<series>, with the header Authorization: Bearer <key>. It is shown
once: only its hash is stored. Give each system a key of its own, so that one can be revoked alone.

Exit code: 0 done, 1 refused.`,

  async run(args, io) {
    const options = {
      proof: { type: 'string' },
      label: { type: 'string' },
      revoke: { type: 'string' },
      list: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    } as const;
    let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
    try {
      ({ values } = parseArgs({ args, options }));
      const asked = [values.proof !== undefined, values.revoke !== undefined, values.list].filter(Boolean).length;
      if (asked !== 1) throw new Error('Say one of --proof, --list and --revoke.');
    } catch (error) {
      io.err(`${(error as Error).message} See: amends measuring-key --help`);
      return 2;
    }
    const { proof: proofId, label = '', revoke, json } = values;
    const now = new Date();
    const db = await database();
    try {
      if (proofId !== undefined) {
        const minted = await db.write((tx) => makeKey(tx, null, { proofId, label }, now));
        if (isRefusal(minted)) {
          io.err(minted.sentence);
          return 1;
        }
        io.out(json ? JSON.stringify(minted) : minted.key);
        if (!json) io.err(`Its id is ${minted.id}. The key is shown this once.`);
        return 0;
      }
      if (revoke !== undefined) {
        const revoked = await db.write((tx) => endKey(tx, null, revoke, now));
        if (isRefusal(revoked)) io.err(revoked.sentence);
        else io.out(json ? JSON.stringify(revoked) : `“${revoked.label}” can send nothing any more.`);
        return isRefusal(revoked) ? 1 : 0;
      }
      const keys = await measuringKeysOf(db.read);
      if (json) io.out(JSON.stringify(keys));
      else if (keys.length === 0) io.out('There is no key yet.');
      else for (const key of keys) io.out(line(key));
      return 0;
    } finally {
      await db.close();
    }
  },
};

function line({ id, proofId, label, createdAt, revokedAt }: MeasuringKey): string {
  const ended = revokedAt === null ? '' : `, revoked on ${dayOf(revokedAt)}`;
  return `${id}  ${proofId}: ${label}, since ${dayOf(createdAt)}${ended}`;
}
