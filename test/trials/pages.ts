import { parseArgs } from 'node:util';
import { complaints, departures, persons } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { noAnswersByIssue } from '../../src/checkins/answers.ts';
import type { Visit } from '../../src/invitations/links.ts';
import { landingFor } from '../../src/landing/landing.ts';
import { everythingAbout } from '../../src/people/export.ts';
import { issueStates, publishedSite } from '../../src/proofs/published.ts';
import { dayOf } from '../../src/shared/dates.ts';
import { newId } from '../../src/shared/ids.ts';
import { NOW, seededDatabase } from '../support/seeded.ts';

/*
 * A thousand made-up people, each with words that nobody else has: everything that a page or an export of one of them holds is
 * searched for the words, the names and the addresses of all the others.
 */

const { values } = parseArgs({ options: { people: { type: 'string', default: '1000' } } });
const many = Number(values.people);
const db = await seededDatabase();
const issues = [
  'exports-failed',
  'tickets-closed-unsolved',
  'sign-in-codes-late',
  'large-files-slow',
  'nobody-told-you',
  null,
];
const plans = ['Team', 'Solo', 'Studio', 'Club', 'Gone'];
let seed = 20_261_122;
const random = (below: number) => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
};
const mark = (at: number) => `mark${at.toString(36).padStart(4, '0')}q`;

await db.write(async (tx) => {
  for (let at = 0; at < many; at += 1) {
    const id = `random-${at}`;
    const row = {
      id,
      kind: 'customer' as const,
      source: 'random',
      externalId: mark(at),
      firstName: mark(at),
      facts: { shoe: mark(at) },
    };
    await tx
      .insert(persons)
      .values({ ...row, email: `${mark(at)}@example.org`, emailNorm: `${mark(at)}@example.org`, createdAt: 1 });
    const departureId = newId();
    await tx.insert(departures).values({
      ...{
        id: departureId,
        personId: id,
        externalId: '1',
        leftOn: `2026-0${1 + random(8)}-1${random(10)}`,
        precision: 'day' as const,
      },
      ...{
        planOrRole: plans[random(plans.length)]!,
        seats: 1 + random(9),
        amount: 100 + random(900),
        currency: 'gbp',
        facts: {},
        createdAt: 1,
      },
    });
    for (let told = 0; told <= random(5); told += 1) {
      await tx.insert(complaints).values({
        ...{
          id: newId(),
          ref: `random:${at}-${told}`,
          personId: id,
          departureId,
          words: `${mark(at)} said ${told}`,
          note: mark(at),
        },
        ...{
          issueId: issues[random(issues.length)]!,
          main: told === 0,
          confidentiality: (['open', 'confidential', 'anonymous'] as const)[random(3)]!,
        },
        ...{
          namesOthers: random(2) === 0,
          publicConsent: false,
          saidOn: `2025-0${1 + random(8)}-1${random(10)}`,
          createdAt: 1,
        },
      });
    }
    if (random(4) === 0) {
      await tx.insert(rejoins).values({
        ...{
          id: newId(),
          personId: id,
          offerId: 'team',
          offerHash: 'x',
          state: 'active' as const,
          attempt: 1,
          billingId: mark(at),
        },
        ...{ cardId: mark(at), cardLabel: mark(at), priceId: 'x', seats: 1, amount: 1, currency: 'gbp', begunAt: 1 },
      });
    }
  }
});

const site = await publishedSite(db.read);
const states = await issueStates(db.read, await noAnswersByIssue(db.read), NOW);
const castWords = (await db.read.select().from(complaints)).flatMap(({ ref, words }) =>
  ref.startsWith('cast:') && (words?.length ?? 0) > 30 ? words! : [],
);
let leaks = 0;
const check = (at: number, text: string) => {
  for (const found of text.matchAll(/mark[0-9a-z]{4}q/g)) if (found[0] !== mark(at)) leaks += 1;
  for (const words of castWords) if (text.includes(words)) leaks += 1;
};
const began = performance.now();
let confidential = 0;
for (const [at, person] of (await db.read.select().from(persons))
  .filter(({ source }) => source === 'random')
  .entries()) {
  const own = Number.parseInt(person.externalId.slice(4, 8), 36);
  for (const trusted of [true, false]) {
    const landing = await landingFor(db.read, { person, trusted } as Visit, states, site, dayOf(NOW));
    // What a page can show of it: the history holds what only the gate asks for.
    const { history: _, rejoin: __, ...shown } = landing!;
    check(own, JSON.stringify(shown));
    if (!trusted && JSON.stringify(shown).includes(`${mark(own)} said`)) confidential += 1;
  }
  check(own, JSON.stringify(await everythingAbout(db.read, person.id)));
  if (at % 250 === 249) console.error(`${at + 1} …`);
}
console.log(
  `${many} people, each page twice and each export, in ${((performance.now() - began) / 1000).toFixed(1)} s.`,
);
console.log(
  `Words, names or addresses of somebody else: ${leaks}. Own words shown on an untrusted device: ${confidential}.`,
);
await db.cleanup();
process.exitCode = leaks + confidential === 0 ? 0 : 1;
