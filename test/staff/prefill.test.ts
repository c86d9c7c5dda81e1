import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publishedVersions } from '../../db/schema/proofs.ts';
import { publishedSite } from '../../src/proofs/published.ts';
import { checkDraft } from '../../src/staff/checking.ts';
import type { Draft } from '../../src/staff/draft.ts';
import type { Values } from '../../src/staff/fields.ts';
import { formOf, sourceFrom } from '../../src/staff/form.ts';
import { prefilled, toldAbout } from '../../src/staff/prefill.ts';
import type { FreshDatabase } from '../support/database.ts';
import { NOW, seededDatabase } from '../support/seeded.ts';

let db: FreshDatabase;
beforeAll(async () => {
  db = await seededDatabase();
});
afterAll(() => db.cleanup());

const TODAY = '2026-11-22';
const drafted = (
  collection: Draft['collection'],
  documentId: string,
  written: { source: string; assets: Record<string, string> },
): Draft => ({
  id: 'x',
  collection,
  documentId,
  ...written,
  revision: 1,
  basedOn: null,
  startedBy: 'grace',
  startedAt: 0,
  savedBy: 'grace',
  savedAt: 0,
  writers: [],
  publishAt: null,
});

test('a proof begins with all that is published and told of its issue', async () => {
  const written = await prefilled(
    db.read,
    { collection: 'proofs', documentId: 'files-load', issue: 'large-files-slow' },
    TODAY,
  );
  const { fields, body } = formOf('proofs', written);
  expect(body).toBe('');
  expect(fields).toMatchObject({
    issues: ['large-files-slow'],
    owner: 'priya',
    started_on: '2025-09-15',
    known_on: '2025-11-03',
    review_on: '2027-02-20',
    changes: [{ by: 'priya', source: { href: '/proofs/files-load/measured-1.csv' } }],
  });
  expect(fields['lede']).toContain('{before}');
  expect(fields['headline']).toBeUndefined();
  // What it is of, nobody but its writer knows.
  expect(fields['line']).toBeUndefined();
  expect(fields['voices']).toBeUndefined();
});

test('an issue begins with the earliest day anyone told, who told, and why it hurt most of them', async () => {
  const told = await toldAbout(db.read, ['large-files-slow']);
  const { fields } = formOf(
    'issues',
    await prefilled(db.read, { collection: 'issues', documentId: 'large-files-slow' }, TODAY),
  );
  expect(fields['started_on']).toBe(told[0]!.saidOn);
  expect(fields).toMatchObject({ affects: ['customer'], gap: expect.stringMatching(/value|trust|experience|growth/) });
});

test('only those who agreed are offered to be quoted', async () => {
  const told = await toldAbout(db.read, ['exports-failed', 'shifts-changed-late']);
  const offered = told.filter(({ voice }) => voice !== null);
  expect(offered.length).toBeGreaterThan(0);
  expect(offered.length).toBeLessThan(told.length);
});

test('a new draft is no mistake: the check names what is still to write, and judges the words that are there', async () => {
  const site = await publishedSite(db.read);
  const about = { collection: 'proofs', documentId: 'files-load', issue: 'large-files-slow' } as const;
  const written = await prefilled(db.read, about, TODAY);
  const fresh = await checkDraft(db.read, drafted('proofs', 'files-load', written), site, NOW);
  expect(fresh.problems).toEqual([]);
  expect(fresh.missing.map(({ label }) => label)).toEqual(
    expect.arrayContaining([
      'Headline',
      'Changed on',
      'What is still not right',
      'What we changed 1: What is different now',
    ]),
  );
  const form = formOf('proofs', written);
  form.fields['headline'] = 'We apologise for any inconvenience';
  (form.fields['changes'] as Values[])[0]!['what'] = 'A new worker was added.';
  const begun = await checkDraft(db.read, drafted('proofs', 'files-load', sourceFrom(form, written)), site, NOW);
  expect(begun.problems.map(({ at, rule }) => [at, rule])).toEqual(
    expect.arrayContaining([
      ['headline', 'S104'],
      ['changes.0.what', 'S108p'],
    ]),
  );
  expect(begun.problems.every(({ at }) => at === 'headline' || at === 'changes.0.what')).toBe(true);
});

test('the check of a draft is the check of the folder: a published proof has nothing to mend', async () => {
  const site = await publishedSite(db.read);
  const [row] = await db.read
    .select()
    .from(publishedVersions)
    .where(eq(publishedVersions.documentId, 'exports-finish'));
  const checked = await checkDraft(db.read, drafted('proofs', 'exports-finish', row!), site, NOW);
  expect([checked.problems, checked.missing]).toEqual([[], []]);
  expect(checked.computed.slice(0, 3).map(({ name, text }) => `${name} ${text}`)).toEqual([
    '{before} 19.8%',
    '{after} 0.3%',
    '{weeks} 21 weeks',
  ]);
  expect(checked.measured!.proof.summaries).toHaveLength(1);
});
