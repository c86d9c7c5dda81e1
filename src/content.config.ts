import { defineCollection, reference } from 'astro:content';
import { glob } from 'astro/loaders';
import { z } from 'zod';
import { env } from './env.ts';
import { documentSchemas } from './proofs/documents.ts';

/*
 * What is written, as the build sees it: the same schemas as everywhere, with Astro's own references. Pages don't show this: they
 * show what is published (src/proofs/published.ts).
 */

const schemas = documentSchemas(reference);

/** Astro reads 2026-03-04 in YAML as an instant; to us it is a day. */
function daysAsText(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString().slice(0, 10);
  if (Array.isArray(value)) return value.map(daysAsText);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, daysAsText(inner)]));
}

function collection<S extends z.ZodType>(folder: string, pattern: string, schema: S) {
  const base = `${env.CONTENT_DIR}/${folder}`;
  const generateId = ({ entry }: { entry: string }) => entry.replace(/(\/index)?\.(md|yaml)$/, '');
  return defineCollection({ loader: glob({ base, pattern, generateId }), schema: z.preprocess(daysAsText, schema) });
}

export const collections = {
  site: collection('', 'site.yaml', schemas.site),
  issues: collection('issues', '*.md', schemas.issues),
  proofs: collection('proofs', '*/index.md', schemas.proofs),
  offers: collection('offers', '*.md', schemas.offers),
  checkins: collection('checkins', '*.yaml', schemas.checkins),
  pages: collection('pages', '*.md', schemas.pages),
  letters: collection('letters', '*.md', schemas.letters),
  roles: collection('roles', '*.md', schemas.roles),
  reonboarding: collection('reonboarding', '*.md', schemas.reonboarding),
};
