import { createHash } from 'node:crypto';
import type { Reader } from '../../db/client.ts';
import { arrivedPoints, withArrived } from '../proofs/arrived.ts';
import { parseDocument } from '../proofs/content.ts';
import { type Changed, changedPoints, changedWords } from '../proofs/corrections.ts';
import type { Series } from '../proofs/documents.ts';
import { measurementsOf } from '../proofs/measurements.ts';
import { publishedProof, publishedSite } from '../proofs/published.ts';
import { dayOf, longDay } from '../shared/dates.ts';
import { counted } from '../shared/words.ts';
import type { WrittenDocument } from './draft.ts';
import type { Fact } from './facts.ts';

/* Numbers that are public, as published or as they arrived since, and that a draft would change. Nobody changes one unseen. */

export type PublicChange = Changed & {
  about: Series | undefined;
  title: string;
  /** Milliseconds; null: it was published with a version, and the versions show it. */
  arrivedAt: number | null;
};

export async function publicChanges(
  reader: Reader,
  { collection, documentId, source, assets }: WrittenDocument,
): Promise<PublicChange[]> {
  if (collection !== 'proofs') return [];
  const { document } = parseDocument('proofs', documentId, source, assets);
  const live = await publishedProof(reader, documentId);
  if (!document || !live) return [];
  const links = live.arrived.length > 0 ? await measurementsOf(reader, documentId) : [];
  const { points } = withArrived(document, arrivedPoints(links));
  return changedPoints(live.points, points).map((change) => {
    const about = [...document.data.series, ...live.data.series].find(({ id }) => id === change.series);
    const link = links.find(({ series, on }) => series === change.series && on === change.on);
    const arrivedAt = link ? Date.parse(link.receivedAt) : null;
    return { ...change, about, title: about?.title ?? change.series, arrivedAt };
  });
}

/** As many changes of one series are written out under one tick. */
const AT_LENGTH = 50;

/** What its owner ticks of them: one that arrived by itself, those that were published series by series. */
export async function changedFacts(reader: Reader, draft: WrittenDocument): Promise<Fact[]> {
  const changes = await publicChanges(reader, draft);
  if (changes.length === 0) return [];
  const { time_zone } = await publishedSite(reader);
  const apart = ({ arrivedAt, now }: PublicChange) => arrivedAt !== null && now !== null;
  const single = changes.filter(apart).map((change): Fact => {
    const { title, about, on, arrivedAt } = change;
    const arrived = longDay(dayOf(arrivedAt!, time_zone));
    return {
      id: idOf([change]),
      value: changedWords(change, about),
      places: [{ field: `Series “${title}”`, sentence: `Measured on ${longDay(on)}, public since ${arrived}` }],
      source: 'A measurement that arrived is corrected: hold it against what shows that the first value was wrong.',
      computed: false,
    };
  });
  const rest = Map.groupBy(
    changes.filter((change) => !apart(change)),
    ({ series }) => series,
  );
  const together = [...rest.values()].map((its): Fact => {
    const left = its.length - AT_LENGTH;
    const lines = its.slice(0, AT_LENGTH).map((one) => `${longDay(one.on)}: ${changedWords(one, one.about)}`);
    return {
      id: idOf(its),
      value: `${counted(its.length, 'public measurement')} of “${its[0]!.title}” ${its.length === 1 ? 'changes' : 'change'}`,
      places: [...lines, ...(left > 0 ? [`and ${left} more`] : [])].map((sentence) => ({ field: 'Public', sentence })),
      source: 'Numbers that are public change: hold them against what shows that the first ones were wrong.',
      computed: false,
    };
  });
  return [...single, ...together];
}

/** Another change is another fact, even in the same place. */
function idOf(changes: readonly Changed[]): string {
  const what = changes.map(({ series, on, was, now }) => [series, on, was, now]);
  return `changed-${createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 12)}`;
}
