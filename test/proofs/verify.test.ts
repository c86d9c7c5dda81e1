import { eq } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { measurements } from '../../db/schema/measurements.ts';
import { measurementHash, NOTHING } from '../../src/proofs/arrived.ts';
import { versionHash } from '../../src/proofs/chain.ts';
import { readContent } from '../../src/proofs/content.ts';
import { addMeasurements, measurementsOf } from '../../src/proofs/measurements.ts';
import { publishDocument } from '../../src/proofs/publish.ts';
import { circumstancesOf, proofWithState, publishedSite } from '../../src/proofs/published.ts';
import {
  type CheckFile,
  checkFile,
  checkFileOf,
  type VersionFile,
  versionFile,
  versionFileOf,
} from '../../src/proofs/served.ts';
import type { NoAnswer } from '../../src/proofs/state.ts';
import { type Served, verifyProof } from '../../src/proofs/verify.ts';
import { latestVersionsOf, versionsOf } from '../../src/proofs/versions.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { contentFiles, writeFolder } from './folder.ts';

const now = new Date('2026-11-22T09:00:00Z');
const id = 'exports-finish';
const person = (index: number, on: string): NoAnswer => ({ on, personId: `person-${index}` });

let db: FreshDatabase;
/** What a site serves, as text: as published, and after four more measurements. */
let honest: Files;
let measured: Files;

async function servedWith(noAnswers: NoAnswer[]) {
  const answers = new Map([['exports-failed', noAnswers]]);
  const site = await publishedSite(db.read);
  const found = (await proofWithState(db.read, id, answers, now))!;
  const circumstances = { site, today: circumstancesOf(site, now).today };
  const [versionsThere, arrived] = await Promise.all([versionsOf(db.read, id), measurementsOf(db.read, id)]);
  const check = checkFileOf(found.proof, found.state, versionsThere, arrived, answers, circumstances);
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
  await measureOn(db);
  measured = await servedWith([]);
  await db.write((tx) => tx.delete(measurements));
});

/** Four more weeks, one of them late, sent in two goes. */
async function measureOn(target: FreshDatabase): Promise<void> {
  const about = { proofId: id, seriesId: 'failed' };
  const one = (on: string, value: number, n: number) => ({ on, value, n, sourceId: on });
  for (const [sent, at] of [
    [[one('2026-07-27', 0.2, 120), one('2026-08-10', 0.4, 90)], '2026-08-10T06:00:00Z'],
    [[one('2026-08-03', 0.1, 80), one('2026-08-17', 0.5, 110)], '2026-08-17T06:00:00Z'],
  ] as const) {
    const stored = await target.write((tx) =>
      addMeasurements(tx, about, sent, { sentBy: 'command', now: new Date(at) }),
    );
    expect(stored).toMatchObject({ stored: 2 });
  }
}

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
function tampered(change: (files: { check: CheckFile; versions: VersionFile[] }) => unknown, whole = honest): string[] {
  const files = { check: JSON.parse(whole.check), versions: whole.versions.map((text) => JSON.parse(text)) };
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
      corrected: [],
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

  test.each([
    ['as it was published', () => honest],
    ['after more has arrived', () => measured],
  ])('any single character of a version, of what arrived, and of what is claimed: %s', (_, files) => {
    const whole = files();
    const places = placesOf(whole);
    expect(places.length).toBeGreaterThan(3000);
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.integer({ min: 1, max: 94 }), (place, step) => {
        const files = { check: whole.check, versions: [...whole.versions] };
        const text = place.file === 0 ? files.check : files.versions[place.file - 1]!;
        const other = String.fromCharCode(((text.charCodeAt(place.at) - 32 + step) % 95) + 32);
        const altered = text.slice(0, place.at) + other + text.slice(place.at + 1);
        // 0.30 is the number that 0.3 was.
        fc.pre(parsed(altered) === undefined || JSON.stringify(parsed(altered)) !== text);
        if (place.file === 0) files.check = altered;
        else files.versions[place.file - 1] = altered;
        expect(sentencesOf(files)).not.toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('measurements that arrived', () => {
  const link = (check: CheckFile, index: number) => check.arrived[index]!;
  const rechained = (check: CheckFile) => {
    let previousHash = NOTHING;
    for (const one of check.arrived) {
      one.previousHash = previousHash;
      one.hash = previousHash = measurementHash({ proof: id, ...one });
    }
  };
  const named = (change: (check: CheckFile) => unknown) => tampered(({ check }) => change(check), measured);

  test('agree, and every number and the state come from them too', () => {
    const check = checkFile.parse(JSON.parse(measured.check));
    const versions = new Map(measured.versions.map((text, index) => [index + 1, versionFile.parse(JSON.parse(text))]));
    expect(verifyProof(id, { check, versions }, now)).toEqual({
      differences: [],
      agreed: [
        '3 versions, each with the fingerprint it claims and each following the one before.',
        '4 measurements that arrived since, each with the fingerprint it claims and each following the one before.',
        'Share of exports that failed, weekly: 20% before (10 measurements) and 0.3% after (12 measurements).',
        'The state: Fixed and holding 11 weeks (measured).',
      ],
      corrected: [],
    });
  });

  test('a value, an n or a day that was altered is named', () => {
    for (const change of [
      (check: CheckFile) => (link(check, 1).value = 0.1),
      (check: CheckFile) => (link(check, 1).n = 91),
      (check: CheckFile) => (link(check, 1).on = '2026-08-11'),
      (check: CheckFile) => (link(check, 1).receivedAt = '2026-08-10T06:00:01.000Z'),
    ]) {
      expect(named(change)[0]).toMatch(
        /^The measurement of 1[01] August 2026 that arrived for “failed” was changed after it arrived: its fingerprint is /,
      );
    }
    expect(named((check) => (link(check, 1).value = 0.1))).toContainEqual(
      expect.stringMatching(/^Share of exports .*: the number after the change is /),
    );
  });

  test('a missing one is named, at the beginning and in between; and so are two that changed places', () => {
    expect(named((check) => check.arrived.shift())).toContain(
      'The measurement of 10 August 2026 that arrived for “failed” names one before it, and none is listed: something is missing.',
    );
    expect(named((check) => check.arrived.splice(2, 1))).toContainEqual(
      expect.stringMatching(/^The measurement of 17 August 2026 .* doesn’t follow that of 10 August 2026: it names /),
    );
    const places = named((check) => check.arrived.splice(1, 2, link(check, 2), link(check, 1)));
    expect(places).toContain(
      'The measurement of 10 August 2026 that arrived for “failed” says that it arrived before that of 3 August 2026.',
    );
  });

  test('a chain that was made anew no longer has what the page shows, and the numbers give it away', () => {
    const sentences = named((check) => {
      check.arrived.splice(1, 1);
      rechained(check);
    });
    expect(sentences).toEqual([
      expect.stringMatching(/the number after the change is /),
      expect.stringMatching(/the number of measurements after the change is 11 by the data, the claim is 12\.$/),
      expect.stringMatching(/the number of cases after the change is /),
    ]);
    const newest = JSON.parse(measured.check).arrived.at(-1).hash;
    const cut = tampered(({ check }) => check.arrived.pop(), measured);
    expect(cut.length).toBeGreaterThan(0);
    const page = (hash: string) => ({ html: `<body>${JSON.stringify(JSON.parse(measured.check))}${hash}</body>` });
    expect(sentencesOf(measured, page(newest)).filter((one) => one.includes(newest))).toEqual([]);
    expect(sentencesOf(measured, { html: '<body></body>' })).toContain(
      `The page doesn’t show the fingerprint that follows: “${newest}”.`,
    );
  });

  test('what can’t be is named though its chain is whole: a share over 100, a day twice, a day before it was over', () => {
    const made = (change: (check: CheckFile) => unknown) =>
      named((check) => {
        change(check);
        rechained(check);
      });
    expect(made((check) => (link(check, 0).value = 120))).toContainEqual(
      expect.stringContaining('breaks a rule that it must keep (series): A share lies between 0 and 100.'),
    );
    expect(made((check) => (link(check, 1).on = '2026-07-27'))).toContain(
      'The measurement of 27 July 2026 that arrived for “failed” is listed twice.',
    );
    expect(made((check) => (link(check, 3).receivedAt = '2026-08-12T00:00:00.000Z'))).toContainEqual(
      expect.stringContaining('says that it arrived at 2026-08-12T00:00:00.000Z, before its day.'),
    );
    expect(made((check) => (link(check, 3).receivedAt = '2026-12-12T00:00:00.000Z'))).toContainEqual(
      expect.stringContaining('which has not been yet.'),
    );
  });

  test('a download without them, or with another value, is named', () => {
    const csv = JSON.parse(measured.versions[2]!).assets['failed.csv'] as string;
    const sentence = 'failed.csv, as the page offers it, is not what version 3 contains with what arrived since.';
    expect(sentencesOf(measured, { files: new Map([['failed.csv', csv]]) })).toEqual([sentence]);
    const whole = `${csv}2026-07-27,0.2,120\n2026-08-03,0.1,80\n2026-08-10,0.4,90\n2026-08-17,0.5,110\n`;
    expect(sentencesOf(measured, { files: new Map([['failed.csv', whole]]) })).toEqual([]);
    expect(sentencesOf(measured, { files: new Map([['failed.csv', whole.replace('0.5', '0.4')]]) })).toEqual([
      sentence,
    ]);
  });

  test('one that was altered in the database itself is named', async () => {
    await measureOn(db);
    await db.write((tx) =>
      tx.update(measurements).set({ value: 0.1 }).where(eq(measurements.measuredOn, '2026-08-10')),
    );
    const after = await servedWith([]);
    expect(sentencesOf(after)[0]).toMatch(/^The measurement of 10 August 2026 .* was changed after it arrived/);
    await db.write((tx) => tx.delete(measurements).where(eq(measurements.measuredOn, '2026-08-10')));
    expect(sentencesOf(await servedWith([]))[0]).toMatch(/^The measurement of 3 August 2026 .* doesn’t follow that of/);
  });
});

/** Every place in the versions, and in the part of check.json that claims something or lists what arrived. */
function placesOf({ check, versions }: Files): { file: number; at: number }[] {
  const from = check.indexOf('"arrived"');
  const claims = Array.from({ length: check.length - from }, (_, index) => ({ file: 0, at: from + index }));
  return [
    ...claims,
    ...versions.flatMap((text, index) => Array.from({ length: text.length }, (_, at) => ({ file: index + 1, at }))),
  ].filter(({ file, at }) => {
    const code = (file === 0 ? check : versions[file - 1]!).charCodeAt(at);
    return code >= 32 && code <= 126;
  });
}
