import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type FailureMode,
  type GateFacts,
  type GateRefusal,
  inHoldout,
  mayInvite,
} from '../../src/invitations/gate.ts';
import type { Offer, Site } from '../../src/proofs/documents.ts';

const TODAY = '2026-11-22';
const site = { invite: { window_days: 730, holdout: { customer: 0.1, employee: 0 } } } as Site;
const offer = { plan: 'Team', ends_on: '2026-11-22' } as Offer;

/** Nothing stands in the way of inviting this person. */
const CLEAN: GateFacts = {
  person: { key: 'cast:c-maya', kind: 'customer', declinedAt: null, hasAddress: true },
  suppressed: null,
  departure: { leftOn: '2026-06-02', planOrRole: 'Team', neverContact: null },
  returned: false,
  mainComplaint: { issueId: 'exports-failed', issueState: 'holding', resolved: 'fully' },
  reopened: false,
  heldSince: null,
  managers: { concerned: ['Colin Baptiste'], offered: 'Mei-Lin Tan' },
  showable: 1,
  confidentialOnly: false,
  unreviewedCorrection: false,
  apologisedForMain: false,
  invitations: 2,
  askedToBeTold: false,
  windowOverridden: false,
  offer,
  better: 3,
  hasCheckin: true,
  pathUndecided: false,
};
const MAIN = CLEAN.mainComplaint!;
const HELD_OUT = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't']
  .map((name) => `cast:${name}`)
  .find((key) => inHoldout(key, 0.1))!;

type Obstacle = {
  /** Of one kind a person can have one only: nobody is both deceased and dismissed. */
  kind: string;
  code: string;
  mode: FailureMode | null;
  sentence: RegExp;
  add(facts: GateFacts): GateFacts;
};

function obstacle(
  kind: string,
  code: string,
  mode: FailureMode | null,
  sentence: RegExp,
  add: (facts: GateFacts) => Partial<GateFacts>,
): Obstacle {
  return { kind, code, mode, sentence, add: (facts) => ({ ...facts, ...add(facts) }) };
}

const main = (part: Partial<NonNullable<GateFacts['mainComplaint']>>) => () => ({
  mainComplaint: { ...MAIN, ...part },
});
const never = (neverContact: 'deceased' | 'dismissed' | 'dispute' | 'asked') => (facts: GateFacts) => ({
  departure: { ...facts.departure!, neverContact },
});
const leftOn = (day: string | null) => (facts: GateFacts) => ({ departure: { ...facts.departure!, leftOn: day } });
const personIs = (part: Partial<GateFacts['person']>) => (facts: GateFacts) => ({
  person: { ...facts.person, ...part },
});

const OBSTACLES: Obstacle[] = [
  obstacle('never', 'deceased', null, /has died/, never('deceased')),
  obstacle('never', 'dismissed', null, /dismissed for cause/, never('dismissed')),
  obstacle('never', 'dispute', null, /in a dispute/, never('dispute')),
  obstacle('never', 'asked', null, /asked us never to write/, never('asked')),
  obstacle('suppressed', 'stopped', null, /stopped our messages/, () => ({ suppressed: 'stopped' })),
  obstacle('suppressed', 'bounced', null, /no longer accepts mail/, () => ({ suppressed: 'bounced' })),
  obstacle('suppressed', 'complained', null, /unwanted/, () => ({ suppressed: 'complained' })),
  obstacle('suppressed', 'erased', null, /erased/, () => ({ suppressed: 'erased' })),
  obstacle('declined', 'declined', null, /No thanks/, personIs({ declinedAt: 1 })),
  obstacle('back', 'already-back', null, /come back already/, () => ({ returned: true })),
  obstacle('address', 'no-address', null, /no address/, personIs({ hasAddress: false })),
  obstacle('words', 'confidential-only', null, /confidential/, () => ({ confidentialOnly: true, showable: 0 })),
  obstacle('words', 'no-words', 'insincere', /no words of theirs/, () => ({ showable: 0 })),
  obstacle('main', 'no-main-complaint', 'root cause ignored', /don’t know which/, () => ({ mainComplaint: null })),
  obstacle('main', 'not-linked', 'root cause ignored', /not linked/, main({ issueId: null, issueState: null })),
  obstacle('main', 'not-holding', 'root cause ignored', /not fixed yet/, main({ issueState: 'not_yet' })),
  obstacle('main', 'not-holding', 'root cause ignored', /not fixed yet/, main({ issueState: null })),
  obstacle('main', 'not-holding', 'root cause ignored', /not held long enough/, main({ issueState: 'watching' })),
  obstacle('main', 'not-holding', 'root cause ignored', /came back/, main({ issueState: 'came_back' })),
  obstacle('main', 'not-resolved', 'root cause ignored', /nobody has confirmed/, main({ resolved: null })),
  obstacle('main', 'not-resolved', 'root cause ignored', /only partly/, main({ resolved: 'partly' })),
  obstacle('main', 'not-resolved', 'root cause ignored', /not resolved for them/, main({ resolved: 'no' })),
  obstacle('reopened', 'reopened', 'root cause ignored', /came back before/, () => ({ reopened: true })),
  obstacle('held', 'held', 'root cause ignored', /on hold since 3 November 2026/, () => ({ heldSince: '2026-11-03' })),
  obstacle('manager', 'same-manager', 'root cause ignored', /whom their complaint concerns/, () => ({
    managers: { concerned: ['Sheila Doyle', 'colin  baptiste '], offered: 'Colin Baptiste' },
  })),
  obstacle('corrected', 'corrected', 'root cause ignored', /reason wrong/, () => ({ unreviewedCorrection: true })),
  obstacle('invited-enough', 'invited-enough', 'insincere', /3 times/, () => ({ invitations: 3 })),
  obstacle('apologised', 'apologised', 'insincere', /second apology/, () => ({ apologisedForMain: true })),
  obstacle('pathUndecided', 'path-undecided', 'no better future', /next step/, () => ({ pathUndecided: true })),
  obstacle('offer', 'nothing-better', 'no better future', /No offer is better/, () => ({ offer: null })),
  obstacle('offer', 'nothing-better', 'no better future', /true for them today/, () => ({ better: 0 })),
  obstacle('offer', 'offer-ended', 'no better future', /ended on 21 November 2026/, () => ({
    offer: { ...offer, ends_on: '2026-11-21' },
  })),
  obstacle('checkin', 'no-check-in', 'transactional', /no question to ask/, () => ({ hasCheckin: false })),
  obstacle('left', 'left-unknown', 'too late', /don’t know when/, leftOn(null)),
  obstacle('left', 'too-late', 'too late', /21 November 2024, more than 730 days/, leftOn('2024-11-21')),
  obstacle('holdout', 'holdout', null, /never invite/, personIs({ key: HELD_OUT })),
];

const codes = (refusals: GateRefusal[]) => refusals.map(({ code }) => code).sort();

test('nothing in the way is a yes', () => {
  expect(mayInvite(CLEAN, site, TODAY)).toEqual([]);
});

describe('one obstacle is refused with exactly its code, failure mode and sentence', () => {
  test.each(OBSTACLES.map((one) => [one.code, one.sentence, one] as const))('%s: %s', (code, sentence, one) => {
    expect(mayInvite(one.add(CLEAN), site, TODAY)).toEqual([
      { code, failureMode: one.mode, sentence: expect.stringMatching(sentence) },
    ]);
  });
});

test('each of the six failure modes but the discount, which an offer has no field for, has a refusal', () => {
  expect(new Set(OBSTACLES.map(({ mode }) => mode))).toEqual(
    new Set([null, 'insincere', 'root cause ignored', 'too late', 'transactional', 'no better future']),
  );
});

/** Any obstacles, at most one of each kind. */
const someObstacles = fc
  .uniqueArray(fc.constantFrom(...OBSTACLES), { selector: ({ kind }) => kind })
  // Without an issue there is nothing that a question could be missing for.
  .filter((some) => !some.some(({ code }) => code === 'no-check-in') || !some.some(lacksIssue));
const lacksIssue = ({ code }: Obstacle) => code === 'no-main-complaint' || code === 'not-linked';

test('in any combination the refusals are those of each obstacle, none hidden by another', () => {
  fc.assert(
    fc.property(someObstacles, (some) => {
      const facts = some.reduce((so, one) => one.add(so), CLEAN);
      expect(codes(mayInvite(facts, site, TODAY))).toEqual(some.map(({ code }) => code).sort());
    }),
    { numRuns: 2000 },
  );
});

test('the wish to be told lifts the window and the holdout, and nothing else', () => {
  const lifted = ['left-unknown', 'too-late', 'holdout'];
  fc.assert(
    fc.property(someObstacles, (some) => {
      const facts = some.reduce((so, one) => one.add(so), { ...CLEAN, askedToBeTold: true });
      const left = some.map(({ code }) => code).filter((code) => !lifted.includes(code));
      expect(codes(mayInvite(facts, site, TODAY))).toEqual(left.sort());
    }),
    { numRuns: 500 },
  );
});

test('the last day of the window and of an offer still count', () => {
  const onTheDay = { ...CLEAN, departure: { ...CLEAN.departure!, leftOn: '2024-11-22' } };
  expect(mayInvite(onTheDay, site, TODAY)).toEqual([]);
  expect(codes(mayInvite(onTheDay, site, '2026-11-23'))).toEqual(['offer-ended', 'too-late']);
});

test('the holdout is the share it should be, and grows without exchanging anyone', () => {
  const keys = Array.from({ length: 20_000 }, (_, at) => `load:p-${at}`);
  const tenth = keys.filter((key) => inHoldout(key, 0.1));
  // Four standard errors of a tenth of 20,000.
  expect(Math.abs(tenth.length / keys.length - 0.1)).toBeLessThan(0.0085);
  expect(tenth.every((key) => inHoldout(key, 0.2))).toBe(true);
  expect(keys.some((key) => inHoldout(key, 0))).toBe(false);
});

test('who is held out never changes: another rule would mix the groups that are compared', () => {
  const keys = Array.from({ length: 60 }, (_, at) => `load:p-${at}`);
  expect(keys.filter((key) => inHoldout(key, 0.1))).toEqual(PINNED);
});
const PINNED = ['load:p-1', 'load:p-15', 'load:p-34', 'load:p-42', 'load:p-55'];

test('employees are not held out unless the site says so', () => {
  const employee = { ...CLEAN, person: { ...CLEAN.person, key: HELD_OUT, kind: 'employee' as const } };
  expect(mayInvite(employee, site, TODAY)).toEqual([]);
});
