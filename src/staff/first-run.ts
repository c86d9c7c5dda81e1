import { and, eq, inArray, is, sql } from 'drizzle-orm';
import { SQLiteTable } from 'drizzle-orm/sqlite-core';
import { stringify } from 'yaml';
import type { Db, Tx } from '../../db/client.ts';
import * as schema from '../../db/schema/index.ts';
import { parseDocument, type SourceDocument } from '../proofs/content.ts';
import { publishDocument } from '../proofs/publish.ts';
import { newestOfAll } from '../proofs/published.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { record } from './audit.ts';
import { addColleague, type Member } from './colleagues.ts';

/* The way from the example organisation to one's own. */

export type Organisation = {
  organisation: string;
  about: string;
  replyTo: string;
  timeZone: string;
  admin: { name: string; title: string; address: string };
};

/** Every table of the house. */
export const EVERYTHING = (Object.values(schema) as unknown[]).filter((one) => is(one, SQLiteTable)) as SQLiteTable[];

/**
 * Takes the example organisation away, all of it, and begins one's own: its settings, the letters and plain pages that the
 * product needs, and a first admin. In one transaction: refused means that nothing happened. Refuses where the site is no
 * example. `shipped` fills in for letters and pages that this database has no version of.
 */
export async function removeExample(
  db: Db,
  own: Organisation,
  shipped: readonly SourceDocument[],
  now: Date,
): Promise<Member | Refusal> {
  let refused: Refusal | null = null;
  const stop = (why: Refusal): never => {
    refused = why;
    throw new Error(why.sentence);
  };
  try {
    return await db.write(async (tx) => {
      const site = await siteNow(tx);
      if (site && !site.example) {
        stop(refuse('no-example', `This is ${site.organisation}’s own place, and no example. Nothing was removed.`));
      }
      const kept = await lettersAndPages(tx, shipped);
      const named = site && kept.find(({ source }) => namesOf(site).some((name) => source.includes(name)));
      if (named) {
        const what = `${named.collection}/${named.id}`;
        stop(
          refuse('named', `${what} still names ${site.organisation}. Write {organisation} in it at the desk first.`),
        );
      }
      // In any order: what refers to what is checked when all of it is gone.
      await tx.run(sql`pragma defer_foreign_keys = on`);
      for (const table of EVERYTHING) await tx.delete(table);
      const admin = await addColleague(tx, null, { ...own.admin, roles: ['admin'] }, now);
      if (isRefusal(admin)) return stop(admin);
      for (const document of [siteDocument(own), ...kept]) {
        const published = await publishDocument(tx, { ...document, confirmedBy: null, approvedBy: admin.id, now });
        if (isRefusal(published)) stop(published);
      }
      await record(tx, { by: null, action: 'removed the example', subject: 'site:site' }, now);
      return admin;
    });
  } catch (error) {
    if (refused) return refused;
    throw error;
  }
}

async function siteNow(tx: Tx) {
  const [site] = await newest(tx, 'site');
  return site ? (parseDocument('site', 'site', site.source, {}).document?.data ?? null) : null;
}

async function newest(tx: Tx, collection: 'site' | 'letters' | 'pages'): Promise<SourceDocument[]> {
  const ids = (await tx.all<[string]>(newestOfAll(collection))).map(([id]) => id);
  const { publishedVersions: versions } = schema;
  const found = await tx
    .select({ id: versions.documentId, source: versions.source, assets: versions.assets })
    .from(versions)
    .where(
      and(
        eq(versions.collection, collection),
        inArray(versions.id, sql`(select value from json_each(${JSON.stringify(ids)}))`),
      ),
    );
  return found.map((one) => ({ ...one, collection }));
}

async function lettersAndPages(tx: Tx, shipped: readonly SourceDocument[]): Promise<SourceDocument[]> {
  const here = [...(await newest(tx, 'letters')), ...(await newest(tx, 'pages'))];
  const missing = shipped
    .filter(({ collection }) => collection === 'letters' || collection === 'pages')
    .filter((one) => !here.some(({ collection, id }) => collection === one.collection && id === one.id));
  return [...here, ...missing];
}

/** What must not be left in a letter or a page. */
function namesOf({
  organisation,
  reply_to,
  people,
}: {
  organisation: string;
  reply_to: string;
  people: Record<string, { name: string }>;
}) {
  return [organisation, reply_to, ...Object.values(people).map(({ name }) => name)];
}

function siteDocument({ organisation, about, replyTo, timeZone }: Organisation): SourceDocument {
  const source = stringify({ organisation, about, reply_to: replyTo, time_zone: timeZone, people: {} });
  return { collection: 'site', id: 'site', source, assets: {} };
}
