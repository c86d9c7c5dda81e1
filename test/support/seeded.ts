import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { and, eq } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { persons } from '../../db/schema/people.ts';
import { seedCast, seedContent, seedReturning, seedStaff } from '../../db/seed.ts';
import { noAnswersByIssue } from '../../src/checkins/answers.ts';
import type { Person } from '../../src/invitations/links.ts';
import { issueStates } from '../../src/proofs/published.ts';
import { copyOf, type FreshDatabase, freshDatabase } from './database.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const CONTENT = join(root, 'content');

/** The day of the example: what it says about itself (six measured weeks, a return on 3 November) is true on it. */
export const NOW = new Date('2026-11-22T10:00:00Z');
export const DAY_MS = 86_400_000;

export function later(ms: number, from = NOW): Date {
  return new Date(from.getTime() + ms);
}

/**
 * A database with the example organisation published and its cast imported, as the demo begins: a copy of a file that is
 * made once for each version of what goes into it.
 */
export async function seededDatabase(): Promise<FreshDatabase> {
  return copyOf(await template());
}

let made: Promise<string> | undefined;
const template = () => (made ??= makeTemplate());

async function makeTemplate(): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of [
    'db',
    'content',
    'src/proofs',
    'src/people',
    'src/sessions',
    'src/reonboarding',
    'src/staff',
    'src/shared',
  ]) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).sort()) {
      if (/\.\w+$/.test(name)) hash.update(name).update(readFileSync(join(root, folder, name)));
    }
  }
  const path = join(
    tmpdir(),
    `amends-test-templates-${process.getuid?.() ?? ''}`,
    `seeded-${hash.digest('hex').slice(0, 16)}.db`,
  );
  if (existsSync(path)) return path;
  // Other workers may be making it too: each makes its own, and the last rename wins with the same content.
  const draft = await freshDatabase();
  await seedContent(draft, CONTENT, NOW);
  await seedCast(draft, NOW);
  await seedStaff(draft, NOW);
  await seedReturning(draft, NOW);
  await draft.close();
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(draft.path, `${path}.${process.pid}`);
  await rename(`${path}.${process.pid}`, path);
  await draft.cleanup();
  return path;
}

/** One of the cast, by the id in db/cast.csv. */
export async function castPerson(reader: Reader, externalId: string): Promise<Person> {
  const [person] = await reader
    .select()
    .from(persons)
    .where(and(eq(persons.source, 'cast'), eq(persons.externalId, externalId)));
  if (!person) throw new Error(`There is no ${externalId} in db/cast.csv.`);
  return person;
}

/** Every issue as it stands, with the “no” answers that were given. */
export async function issuesAt(reader: Reader, now: Date) {
  return issueStates(reader, await noAnswersByIssue(reader), now);
}
