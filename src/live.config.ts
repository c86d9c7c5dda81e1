import { defineLiveCollection } from 'astro:content';
import type { LiveLoader } from 'astro/loaders';
import type { Reader } from '../db/client.ts';
import { database } from './database.ts';
import {
  type PublishedIssue,
  type PublishedOffer,
  type PublishedProof,
  publishedIssue,
  publishedIssues,
  publishedOffer,
  publishedOffers,
  publishedProof,
  publishedProofs,
} from './proofs/published.ts';

/*
 * What is published, as Astro's live collections: the newest snapshots at the time of the request. No rule lives here; every
 * answer is that of src/proofs/published.ts, which commands, jobs and the gate call themselves.
 */

type Published = { id: string; publishedAt: number; hash: string };

function published<T extends Published>(
  name: string,
  one: (db: Reader, id: string) => Promise<T | null>,
  all: (db: Reader) => Promise<T[]>,
) {
  const entry = (data: T) => ({ id: data.id, data, cacheHint: { lastModified: new Date(data.publishedAt) } });
  const loader: LiveLoader<T, { id: string }> = {
    name,
    async loadEntry({ filter }) {
      const document = await one((await database()).read, filter.id);
      return document ? entry(document) : undefined;
    },
    async loadCollection() {
      return { entries: (await all((await database()).read)).map(entry) };
    },
  };
  return defineLiveCollection({ loader });
}

export const collections = {
  publishedProofs: published<PublishedProof>('published-proofs', publishedProof, publishedProofs),
  publishedIssues: published<PublishedIssue>('published-issues', publishedIssue, publishedIssues),
  publishedOffers: published<PublishedOffer>('published-offers', publishedOffer, publishedOffers),
};
