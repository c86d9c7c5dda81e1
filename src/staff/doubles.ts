import type { Db } from '../../db/client.ts';
import type { Role } from '../../db/schema/staff.ts';
import { keepApart, type Merge, merge, undoMerge } from '../people/merging.ts';
import { isRefusal, type Refusal } from '../shared/refusal.ts';
import { record } from './audit.ts';

/* What somebody at the desk decides about two records with one address, with its line in the record. */

/** Employees' records are HR's; customers' everybody else's who may decide. */
export function kindsFor(roles: readonly Role[]): ('customer' | 'employee')[] {
  const kinds: ('customer' | 'employee')[] = [];
  if (roles.includes('owner') || roles.includes('approver')) kinds.push('customer');
  if (roles.includes('hr')) kinds.push('employee');
  return kinds;
}

export async function decideDouble(
  db: Db,
  { id: by, roles }: { id: string; roles: readonly Role[] },
  { id, press }: { id: string; press: string },
  now: Date,
): Promise<Merge | Refusal> {
  const kinds = kindsFor(roles);
  return db.write(async (tx) => {
    const done =
      press === 'one'
        ? await merge(tx, by, id, kinds, now)
        : press === 'two'
          ? await keepApart(tx, by, id, kinds, now)
          : await undoMerge(tx, id, kinds);
    if (isRefusal(done)) return done;
    const action = { one: 'merged two records', two: 'kept two records apart' }[press] ?? 'took back';
    await record(tx, { by, action, subject: `merges:${id}` }, now);
    return done;
  });
}
