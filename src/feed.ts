import { issuesNow } from './checkins/answers.ts';
import { database } from './database.ts';
import { env } from './env.ts';
import { entriesOf } from './proofs/feeds.ts';
import { publishedSite } from './proofs/published.ts';
import { latestVersions } from './proofs/versions.ts';

/** As many versions a feed goes back. */
const VERSIONS = 50;

/** What both feeds say. */
export async function feedNow(now: Date) {
  const db = (await database()).read;
  const site = await publishedSite(db);
  const [versions, issues] = await Promise.all([latestVersions(db, VERSIONS), issuesNow(db, now)]);
  const url = siteUrl();
  return { organisation: site.organisation, about: site.about, url, entries: entriesOf(versions, issues, site, url) };
}

/** The address of this site, without a slash at its end. */
export function siteUrl(): string {
  return env.AMENDS_URL.replace(/\/+$/, '');
}
