import type { PublishedProof } from './published.ts';

/**
 * What the page of a proof offers for download: a series by its id (`failed.csv`), or the document behind a change by its name, with
 * the headers that say what it is. Null for any other name.
 */
export function downloadOf(
  { id, data, assets }: Pick<PublishedProof, 'id' | 'data' | 'assets'>,
  name: string | undefined,
): { text: string; headers: Record<string, string> } | null {
  const series = data.series.find((one) => name === `${one.id}.csv`);
  const document = data.verified?.file === name ? name : undefined;
  const file = series?.file ?? document;
  const text = file === undefined ? undefined : assets[file];
  if (text === undefined) return null;
  const headers = {
    'Content-Type': series ? 'text/csv; charset=utf-8; header=present' : 'text/plain; charset=utf-8',
    'Content-Disposition': series ? `attachment; filename="${id}-${series.id}.csv"` : 'inline',
  };
  return { text, headers };
}
