import { inArray } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { complaints, departures, signals } from '../../db/schema/people.ts';
import { type Sign, signsOf } from './breaking.ts';
import { latestDeparture } from './diagnosis.ts';

/** For each of these people, when it began to break and where we missed it, in three queries. */
export async function signsAmong(reader: Reader, personIds: readonly string[]): Promise<Map<string, Sign[]>> {
  const ids = [...new Set(personIds)];
  if (ids.length === 0) return new Map();
  const [traces, said, left] = await Promise.all([
    reader.select().from(signals).where(inArray(signals.personId, ids)),
    reader
      .select({ personId: complaints.personId, saidOn: complaints.saidOn })
      .from(complaints)
      .where(inArray(complaints.personId, ids)),
    reader.select().from(departures).where(inArray(departures.personId, ids)),
  ]);
  const its = <Row extends { personId: string }>(rows: Row[], id: string) => rows.filter((row) => row.personId === id);
  return new Map(
    ids.map((id) => {
      const last = latestDeparture(its(left, id));
      const stay = { joinedOn: last?.joinedOn ?? null, leftOn: last?.leftOn ?? null };
      return [id, signsOf(its(traces, id), its(said, id), stay)];
    }),
  );
}
