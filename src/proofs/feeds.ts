import { counted } from '../shared/words.ts';
import { differencesOf } from './difference.ts';
import type { Site } from './documents.ts';
import type { IssueWithState } from './published.ts';
import { stateWords } from './state.ts';
import { namesOf, type ProofVersion, readVersion } from './versions.ts';

/*
 * What happened, for feed readers: each version of each proof as it was published, and each problem that came back, so that
 * who follows us hears the bad news in the same place.
 */

export type Entry = { id: string; url: string; title: string; summary: string; text: string; at: Date };

/** As many entries a feed holds. */
const LONGEST = 100;

/** Newest first. `url` is the site's address, without a slash at its end. */
export function entriesOf(
  versions: readonly ProofVersion[],
  issues: readonly IssueWithState[],
  site: Pick<Site, 'people'>,
  url: string,
): Entry[] {
  const published = versions.map((version): Entry => {
    const page = `${url}/proofs/${version.id}/versions/${version.version}`;
    const read = readVersion(version);
    const before = versions.find((one) => one.id === version.id && one.version === version.version - 1);
    const { confirmedBy, approvedBy } = namesOf(version, site);
    const title = read?.headline ?? version.id;
    return {
      id: page,
      url: page,
      title: version.version === 1 ? title : `${title} (version ${version.version})`,
      summary: read?.lede ?? '',
      text: [
        read?.lede,
        version.reason,
        before && changeWords(before, version),
        `Confirmed by ${confirmedBy ?? 'nobody'}, approved by ${approvedBy}.`,
        read && `Still not right: ${read.document.data.still_not_right}`,
      ]
        .filter(Boolean)
        .join('\n\n'),
      at: new Date(version.publishedAt),
    };
  });
  const back = issues
    .filter(({ state }) => state.state === 'came_back')
    .map(({ issue, state }): Entry => {
      const page = `${url}/issues/${issue.id}`;
      const why = state.why.join(' ');
      return {
        id: `${page}#came-back-${state.since}`,
        url: page,
        title: `${stateWords(state)}: ${issue.data.title}`,
        summary: why,
        text: `${issue.data.summary}\n\n${why}`,
        // A day is all that is known in public. At noon it is the same day from Honolulu to Auckland.
        at: new Date(`${state.since}T12:00:00Z`),
      };
    });
  return [...published, ...back].toSorted((a, b) => b.at.getTime() - a.at.getTime()).slice(0, LONGEST);
}

function changeWords(before: ProofVersion, version: ProofVersion): string {
  const differences = differencesOf(before, version, 'the text');
  const parts = differences.map(
    ({ file, added, removed }) => `${file}: ${counted(added, 'line')} added, ${removed} removed`,
  );
  return `Against version ${before.version}: ${parts.join('; ')}.`;
}

type Feed = { organisation: string; about: string; url: string; entries: readonly Entry[] };

const titleOf = ({ organisation }: Feed) => `${organisation}: what changed`;

/** JSON Feed 1.1, https://www.jsonfeed.org/version/1.1/ */
export function jsonFeed(feed: Feed) {
  return {
    version: 'https://jsonfeed.org/version/1.1',
    title: titleOf(feed),
    description: feed.about,
    home_page_url: `${feed.url}/`,
    feed_url: `${feed.url}/changes.json`,
    language: 'en-GB',
    authors: [{ name: feed.organisation, url: `${feed.url}/` }],
    items: feed.entries.map(({ id, url, title, summary, text, at }) => ({
      id,
      url,
      title,
      summary,
      content_text: text,
      date_published: at.toISOString(),
    })),
  };
}

/** Atom, RFC 4287. A feed without entries was last updated when time began: nothing is known of it. */
export function atomFeed(feed: Feed): string {
  const { url, entries } = feed;
  const updated = (entries[0]?.at ?? new Date(0)).toISOString();
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en-GB">',
    `  <id>${xml(`${url}/changes.atom`)}</id>`,
    `  <title>${xml(titleOf(feed))}</title>`,
    `  <subtitle>${xml(feed.about)}</subtitle>`,
    `  <updated>${updated}</updated>`,
    `  <author><name>${xml(feed.organisation)}</name></author>`,
    `  <link rel="self" type="application/atom+xml" href="${xml(`${url}/changes.atom`)}"/>`,
    `  <link rel="alternate" type="text/html" href="${xml(`${url}/`)}"/>`,
    ...entries.flatMap((entry) => [
      '  <entry>',
      `    <id>${xml(entry.id)}</id>`,
      `    <title>${xml(entry.title)}</title>`,
      `    <published>${entry.at.toISOString()}</published>`,
      `    <updated>${entry.at.toISOString()}</updated>`,
      `    <link rel="alternate" type="text/html" href="${xml(entry.url)}"/>`,
      `    <summary>${xml(entry.summary)}</summary>`,
      `    <content type="text">${xml(entry.text)}</content>`,
      '  </entry>',
    ]),
    '</feed>',
    '',
  ].join('\n');
}

/** A sitemap of these pages, https://www.sitemaps.org/protocol.html */
export function sitemap(pages: readonly { url: string; at?: Date | undefined }[]): string {
  const rows = pages.map(({ url, at }) => {
    const changed = at === undefined ? '' : `<lastmod>${at.toISOString()}</lastmod>`;
    return `  <url><loc>${xml(url)}</loc>${changed}</url>`;
  });
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">',
    ...rows,
    '</urlset>',
    '',
  ].join('\n');
}

const MARKS: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text between tags or in quotes. What XML has no place for (control characters, halves of pairs) is left out. */
export function xml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replace(/[&<>"']/g, (mark) => MARKS[mark]!);
}
