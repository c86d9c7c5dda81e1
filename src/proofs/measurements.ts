import { asc, eq, sql } from 'drizzle-orm';
import type { Reader, Tx } from '../../db/client.ts';
import { measurements } from '../../db/schema/measurements.ts';
import { type Day, dayOf } from '../shared/dates.ts';
import { newId } from '../shared/ids.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { type Incoming, judgeMeasurement, type Known, type Link, measurementHash, NOTHING } from './arrived.ts';
import { type Point, pointOf } from './evidence.ts';
import { publishedProof, publishedSite } from './published.ts';

/* Measurements that arrive for a published proof. They are only ever added: a correction is a new version of the proof. */

export type About = { proofId: string; seriesId: string };

/** `sentBy`: `key:<id>` or `command`. */
export type Sender = { sentBy: string; now: Date };

/** `row` counts from 1, in the order they were sent. */
export type BadRow = { row: number; code: string; sentence: string };

export type BadRows = Refusal & { bad: BadRow[] };

export type Judged = { fresh: Incoming[]; already: number; previousHash: string };

/**
 * What would become of these measurements: which of them are new. Refused, with every bad row, when one of them is wrong, and
 * without any for an unknown proof or series. Writes nothing.
 */
export async function judgeMeasurements(
  reader: Reader,
  { proofId, seriesId }: About,
  incoming: readonly Incoming[],
  now: Date,
): Promise<Judged | BadRows> {
  const proof = await publishedProof(reader, proofId);
  if (!proof) return { ...refuse('no-proof', `There is no published proof “${proofId}”.`), bad: [] };
  const series = proof.data.series.find(({ id }) => id === seriesId);
  const points = proof.points[seriesId];
  if (!series || !points || points.length === 0) {
    const ids = proof.data.series.map(({ id }) => id);
    const there = ids.length === 0 ? 'It has none: it was verified by a document.' : `There is ${ids.join(', ')}.`;
    return { ...refuse('no-series', `The proof “${proofId}” has no series “${seriesId}”. ${there}`), bad: [] };
  }
  const { time_zone } = await publishedSite(reader);
  const rows = await reader.all<[string, Day, number, number | null, string]>(sql`
    select source_id, measured_on, value, n, hash from measurements
    where proof_id = ${proofId} and series_id = ${seriesId} order by rowid`);
  const known: Known = {
    series,
    changedOn: proof.data.changed_on,
    begins: points[0]!.on,
    counted: points.some(({ n }) => n !== undefined),
    today: dayOf(now, time_zone),
    byDay: new Map(points.map((point) => [point.on, point])),
    bySource: new Map(rows.map(([source, on, value, n]) => [source, pointOf({ on, value, n })])),
  };
  const bad: BadRow[] = [];
  const judged: Judged = { fresh: [], already: 0, previousHash: rows.at(-1)?.[4] ?? NOTHING };
  for (const [index, one] of incoming.entries()) {
    const verdict = judgeMeasurement(one, known);
    if (isRefusal(verdict)) bad.push({ row: index + 1, code: verdict.code, sentence: verdict.sentence });
    else if (verdict === 'already') judged.already += 1;
    else {
      judged.fresh.push(one);
      const point = pointOf(one);
      known.byDay.set(one.on, point);
      known.bySource.set(one.sourceId, point);
    }
  }
  const [first] = bad;
  return first ? { ...refuse(first.code, first.sentence), bad } : judged;
}

/** As many rows in one statement. */
const AT_ONCE = 500;

/**
 * Stores these measurements of one series, all or, when one of them is wrong, none. What is here already is stored once. `days`
 * are those of the new ones; whoever stores them says so to onMeasured (src/reactions.ts), in the same transaction.
 */
export async function addMeasurements(
  tx: Tx,
  about: About,
  incoming: readonly Incoming[],
  { sentBy, now }: Sender,
  onProgress: (stored: number) => void = () => {},
): Promise<{ stored: number; already: number; days: Day[] } | BadRows> {
  const judged = await judgeMeasurements(tx, about, incoming, now);
  if ('refused' in judged) return judged;
  const { fresh, already } = judged;
  let { previousHash } = judged;
  const receivedAt = now.getTime();
  for (let from = 0; from < fresh.length; from += AT_ONCE) {
    const rows = fresh.slice(from, from + AT_ONCE).map(({ on, value, n, sourceId }) => {
      const point = pointOf({ on, value, n });
      const link = linkOf({ ...about, receivedAt, previousHash }, point);
      const hash = measurementHash(link);
      const row = { id: newId(), ...about, measuredOn: on, value: point.value, n: n ?? null, sourceId, sentBy };
      const stored = { ...row, receivedAt, previousHash, hash };
      previousHash = hash;
      return stored;
    });
    await tx.insert(measurements).values(rows);
    onProgress(from + rows.length);
  }
  return { stored: fresh.length, already, days: fresh.map(({ on }) => on) };
}

/** What arrived for a proof, series by series, each in the order of its chain. */
export async function measurementsOf(reader: Reader, proofId: string): Promise<(Link & { hash: string })[]> {
  const rows = await reader
    .select()
    .from(measurements)
    .where(eq(measurements.proofId, proofId))
    .orderBy(asc(measurements.seriesId), sql`rowid`);
  return rows.map(({ measuredOn, value, n, hash, previousHash, ...row }) => ({
    ...linkOf({ ...row, previousHash: previousHash ?? NOTHING }, pointOf({ on: measuredOn, value, n })),
    hash,
  }));
}

function linkOf(
  { proofId, seriesId, receivedAt, previousHash }: About & { receivedAt: number; previousHash: string },
  point: Point,
): Link {
  const at = new Date(receivedAt).toISOString();
  return { proof: proofId, series: seriesId, ...point, receivedAt: at, previousHash };
}
