import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { versionHash } from '../../src/proofs/chain.ts';
import { readContent } from '../../src/proofs/content.ts';
import { publishDocument } from '../../src/proofs/publish.ts';
import { circumstancesOf, proofWithState, publishedSite } from '../../src/proofs/published.ts';
import type { NoAnswer } from '../../src/proofs/state.ts';
import {
  type CheckFile,
  checkFile,
  checkFileOf,
  type Served,
  type VersionFile,
  verifyProof,
  versionFile,
  versionFileOf,
} from '../../src/proofs/verify.ts';
import { latestVersionsOf, versionsOf } from '../../src/proofs/versions.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { contentFiles, writeFolder } from './folder.ts';

const now = new Date('2026-11-22T09:00:00Z');
const id = 'exports-finish';
const person = (index: number, on: string): NoAnswer => ({ on, personId: `person-${index}` });

let db: FreshDatabase;
/** What a site serves, as text. */
let honest: { check: string; versions: string[] };

async function servedWith(noAnswers: NoAnswer[]) {
  const answers = new Map([['exports-failed', noAnswers]]);
  const site = await publishedSite(db.read);
  const found = (await proofWithState(db.read, id, answers, now))!;
  const circumstances = { site, today: circumstancesOf(site, now).today };
  const check = checkFileOf(found.proof, found.state, await versionsOf(db.read, id), answers, circumstances);
  const versions = (await latestVersionsOf(db.read, id, 100)).toReversed().map((one) => versionFileOf(one, site));
  return { check: JSON.stringify(check), versions: versions.map((one) => JSON.stringify(one)) };
}

beforeAll(async () => {
  db = await freshDatabase();
  const folder = writeFolder(contentFiles());
  const { documents } = await readContent(folder.dir);
  folder.remove();
  const publish = (document: (typeof documents)[number], reason: string | null, at: Date) =>
    db.write(async (tx) => {
      const written = { ...document, confirmedBy: 'priya', approvedBy: 'yusuf', reason, now: at };
      expect(isRefusal(await publishDocument(tx, written))).toBe(false);
    });
  for (const document of documents) await publish(document, null, now);
  const proof = documents.find(({ collection }) => collection === 'proofs')!;
  for (const word of ['late', 'silent']) {
    const source = proof.source.replace('Then we were slow.', `Then we were ${word}.`);
    await publish({ ...proof, source }, 'A word was wrong.', now);
  }
  honest = await servedWith([]);
});
afterAll(() => db.cleanup());

type Files = { check: string; versions: string[] };

/** What a sceptic gets from these files, read as the command reads them. */
function sentencesOf(files: Files, more: Pick<Served, 'files' | 'html'> = {}): string[] {
  const check = checkFile.safeParse(parsed(files.check));
  if (!check.success) return ['check.json is not what an Amends site serves.'];
  const versions: Served['versions'] = new Map(
    files.versions.map((text, index) => {
      const version = versionFile.safeParse(parsed(text));
      return [index + 1, version.success ? version.data : { unreadable: 'what is served is no version.' }];
    }),
  );
  return verifyProof(id, { check: check.data, versions, ...more }, now).differences.map(({ sentence }) => sentence);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The same files with one thing in them changed. */
function tampered(change: (files: { check: CheckFile; versions: VersionFile[] }) => unknown): string[] {
  const files = { check: JSON.parse(honest.check), versions: honest.versions.map((text) => JSON.parse(text)) };
  change(files);
  return sentencesOf({
    check: JSON.stringify(files.check),
    versions: files.versions.map((one) => JSON.stringify(one)),
  });
}

const rehashed = (version: VersionFile) => {
  version.hash = versionHash(version);
};

describe('a proof that was left alone', () => {
  test('agrees, and says what was recomputed', () => {
    const check = checkFile.parse(JSON.parse(honest.check));
    const versions = new Map(honest.versions.map((text, index) => [index + 1, versionFile.parse(JSON.parse(text))]));
    expect(verifyProof(id, { check, versions }, now)).toEqual({
      differences: [],
      agreed: [
        '3 versions, each with the fingerprint it claims and each following the one before.',
        'Share of exports that failed, weekly: 20% before (10 measurements) and 0.3% after (8 measurements).',
        'The state: Fixed and holding 7 weeks (measured).',
      ],
    });
  });

  test('agrees also when returned people turned it; of them only the day is served', async () => {
    const days = ['2026-07-01', '2026-08-02', '2026-08-03', '2026-09-09'];
    const files = await servedWith(days.map((on, index) => person(index, on)));
    expect(sentencesOf(files)).toEqual([]);
    expect(JSON.parse(files.check)).toMatchObject({
      noAnswersReachedLimitOn: '2026-08-03',
      claims: { state: { state: 'came_back', since: '2026-08-03', crossing: null } },
    });
    for (const secret of ['person-', '2026-07-01', '2026-08-02', '2026-09-09'])
      expect(files.check).not.toContain(secret);
  });

  test('below the limit nothing at all is served of an answer', async () => {
    const files = await servedWith([person(1, '2026-08-02'), person(2, '2026-08-03')]);
    expect(files.check).toBe(honest.check);
  });

  test('nobody’s mail address is served', () => {
    expect(honest.check + honest.versions.join('')).not.toContain('@');
  });
});

describe('each thing that was altered is named', () => {
  test('a measurement', () => {
    const sentences = tampered(({ versions }) => {
      versions[2]!.assets['failed.csv'] = versions[2]!.assets['failed.csv']!.replace(',0.3,', ',0.2,');
    });
    expect(sentences[0]).toMatch(/^Version 3 was changed after it was published: its fingerprint is /);
    expect(sentences).toContainEqual(
      expect.stringMatching(
        /^Share of exports .*: the number after the change is 0\.28\d* by the data, the claim is 0\.3\.$/,
      ),
    );
  });

  test('a measurement, with a fingerprint to match', () => {
    const sentences = tampered(({ versions }) => {
      versions[0]!.assets['failed.csv'] = versions[0]!.assets['failed.csv']!.replace(',0.3,', ',0.2,');
      rehashed(versions[0]!);
    });
    expect(sentences).toEqual([
      expect.stringMatching(/^Version 1 carries the fingerprint .*, check.json lists /),
      expect.stringMatching(/^Version 2 doesn’t follow version 1: /),
    ]);
  });

  test('a number', () => {
    expect(tampered(({ check }) => (check.claims.series[0]!.before = 25))).toEqual([
      'Share of exports that failed, weekly: the number before the change is 20 by the data, the claim is 25.',
    ]);
    expect(tampered(({ check }) => check.claims.series.pop())).toHaveLength(1);
  });

  test('a claim', () => {
    expect(tampered(({ check }) => (check.claims.line = '20% failed. None fail now.'))).toEqual([
      'The line must be “20% failed. 0.3% fail now.”, it claims “20% failed. None fail now.”.',
    ]);
  });

  test('the state', () => {
    expect(tampered(({ check }) => (check.claims.state.state = 'watching'))).toEqual([
      'The state: state must be "holding", the claim is "watching".',
    ]);
  });

  test('an answer that turned it, kept quiet or made up', async () => {
    const files = await servedWith([1, 2, 3].map((index) => person(index, '2026-08-03')));
    const quiet = { ...JSON.parse(files.check), noAnswersReachedLimitOn: null };
    expect(sentencesOf({ ...files, check: JSON.stringify(quiet) })).toContain(
      'The state: state must be "holding", the claim is "came_back".',
    );
    expect(tampered(({ check }) => (check.noAnswersReachedLimitOn = '2026-05-31'))[0]).toContain(
      'can’t have reached the limit',
    );
  });

  test('a version that is missing, from the files or from the list', () => {
    expect(sentencesOf({ ...honest, versions: [honest.versions[0]!, 'gone', honest.versions[2]!] })).toEqual([
      'Version 2 is missing: what is served is no version.',
    ]);
    expect(tampered(({ check }) => check.versions.splice(1, 1))).toContain(
      'Version 2 is missing from the list in check.json.',
    );
  });

  test('a version in another’s place', () => {
    expect(
      sentencesOf({ ...honest, versions: [honest.versions[1]!, honest.versions[0]!, honest.versions[2]!] }),
    ).toContain('Version 1 says that it is version 2 of “exports-finish”.');
  });

  test('a history that was cut at its beginning', () => {
    const sentences = tampered(({ check, versions }) => {
      versions[0] = { ...versions[1]!, version: 1 };
      rehashed(versions[0]!);
      versions[1] = { ...versions[2]!, version: 2, previousHash: versions[0]!.hash };
      rehashed(versions[1]!);
      versions.pop();
      check.versions.pop();
      for (const [index, listed] of check.versions.entries()) listed.hash = versions[index]!.hash;
    });
    expect(sentences).toContain('Version 1 claims that there was one before it.');
  });

  test('thresholds lower than the method allows, and a check of another day', () => {
    expect(tampered(({ check }) => (check.thresholds.holding.points_after = 2))).toEqual([
      'check.json is not what an Amends site serves.',
    ]);
    expect(tampered(({ check }) => (check.computedOn = '2026-11-01'))).toContain(
      'check.json was computed for 1 November 2026. It should be for today.',
    );
  });

  test('a confirmer who is the owner under another id', () => {
    expect(tampered(({ check }) => (check.people.priya = 'Eilidh Strachan'))).toContain(
      'The state: state must be "watching", the claim is "holding".',
    );
  });

  test('one person who confirmed and approved', () => {
    const sentences = tampered(({ check, versions }) => {
      versions[0]!.approvedBy = versions[0]!.confirmedBy!;
      check.versions[0]!.approvedBy = versions[0]!.confirmedBy!;
    });
    expect(sentences).toEqual(['Version 1 was confirmed and approved by the same person, Priya Nair.']);
  });

  test('a number that was typed and isn’t the data’s, in a history without a flaw', () => {
    const sentences = tampered(({ check, versions }) => {
      const last = versions[2]!;
      last.source = last.source.replace('For 89 days {before}', 'For 89 days 45%');
      rehashed(last);
      check.versions[2]!.hash = last.hash;
      check.claims.lede = check.claims.lede.replace('For 89 days 20%', 'For 89 days 45%');
    });
    expect(sentences).toEqual([
      expect.stringMatching(/^Version 3 breaks a rule that it must keep \(S203\): “45%” is not/),
    ]);
  });

  test('a download, and what the page says', () => {
    const csv = JSON.parse(honest.versions[2]!).assets['failed.csv'];
    const hash = JSON.parse(honest.check).versions[2]!.hash;
    const html = (state: string, before = '20%') =>
      `<!doctype html><head><title>Exports now finish</title></head><body><h1>Exports&nbsp;now finish</h1><b>${state}</b>
       <p>For 89 days 20% of exports failed. In the 7 weeks since 1 June 2026 it was 0.3%.</p><i>${before}</i><code>${hash}</code></body>`;
    const good = html('Fixed and holding 7&#32;weeks (measured)');
    expect(sentencesOf(honest, { files: new Map([['failed.csv', csv]]), html: good })).toEqual([]);
    expect(sentencesOf(honest, { files: new Map([['failed.csv', csv.replace('20', '30')]]), html: good })).toEqual([
      'failed.csv, as the page offers it, is not what version 3 contains.',
    ]);
    expect(sentencesOf(honest, { files: new Map([['failed.csv', null]]) })).toEqual([
      'failed.csv can’t be downloaded.',
    ]);
    expect(sentencesOf(honest, { html: html('Fixed and holding 9 weeks (measured)') })).toEqual([
      'The page doesn’t show the state that follows: “Fixed and holding 7 weeks (measured)”.',
    ]);
    expect(sentencesOf(honest, { html: good.replace('<h1>Exports&nbsp;now finish</h1>', '') })).toEqual([
      'The page doesn’t show the headline that follows: “Exports now finish”.',
    ]);
  });

  test('any single character of a version, and of what is claimed', () => {
    const places = placesOf(honest);
    expect(places.length).toBeGreaterThan(3000);
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.integer({ min: 1, max: 94 }), (place, step) => {
        const files = { check: honest.check, versions: [...honest.versions] };
        const text = place.file === 0 ? files.check : files.versions[place.file - 1]!;
        const other = String.fromCharCode(((text.charCodeAt(place.at) - 32 + step) % 95) + 32);
        const altered = text.slice(0, place.at) + other + text.slice(place.at + 1);
        // 0.30 is the number that 0.3 was.
        fc.pre(parsed(altered) === undefined || JSON.stringify(parsed(altered)) !== text);
        if (place.file === 0) files.check = altered;
        else files.versions[place.file - 1] = altered;
        expect(sentencesOf(files)).not.toEqual([]);
      }),
      { numRuns: 1500 },
    );
  });
});

/** Every place in the versions, and in the part of check.json that claims something. */
function placesOf({ check, versions }: Files): { file: number; at: number }[] {
  const from = check.indexOf('"claims"');
  const claims = Array.from({ length: check.length - from }, (_, index) => ({ file: 0, at: from + index }));
  return [
    ...claims,
    ...versions.flatMap((text, index) => Array.from({ length: text.length }, (_, at) => ({ file: index + 1, at }))),
  ].filter(({ file, at }) => {
    const code = (file === 0 ? check : versions[file - 1]!).charCodeAt(at);
    return code >= 32 && code <= 126;
  });
}
