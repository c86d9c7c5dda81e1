import { createHash } from 'node:crypto';
import { isConcerned } from '../people/concerns.ts';
import type { Offer, Site } from '../proofs/documents.ts';
import { type Day, daysBetween, longDay } from '../shared/dates.ts';

/** The six dishonest ways of winning people back, as DESIGN's table names them. */
export type FailureMode =
  | 'insincere'
  | 'root cause ignored'
  | 'bought'
  | 'too late'
  | 'transactional'
  | 'no better future';

/** One reason why this person is not invited. */
export type GateRefusal = { code: string; failureMode: FailureMode | null; sentence: string };

/** Everything the gate looks at, for one person. */
export type GateFacts = {
  person: {
    /** `source:external id`: unlike our own id it is the same after a new import. */
    key: string;
    kind: 'customer' | 'employee';
    declinedAt: number | null;
    hasAddress: boolean;
  };
  suppressed: 'stopped' | 'bounced' | 'complained' | 'erased' | null;
  departure: {
    leftOn: Day | null;
    planOrRole: string | null;
    neverContact: 'deceased' | 'dismissed' | 'dispute' | 'asked' | null;
  } | null;
  /** Whether they have come back and are with us now. */
  returned: boolean;
  mainComplaint: {
    issueId: string | null;
    /** The issue's computed state, or null when it is linked to none that is published. */
    issueState: 'holding' | 'watching' | 'not_yet' | 'came_back' | null;
    /** What is confirmed for them today; null also when what was confirmed no longer stands. */
    resolved: 'fully' | 'partly' | 'no' | null;
  } | null;
  /** They came back before, said no, and have not said that it is settled. */
  reopened: boolean;
  /** Since when invitations over this issue are on hold, or null. */
  heldSince: Day | null;
  /** Whom their complaints concern, and under whom they would come back: ids or names, as the source writes them. */
  managers: { concerned: string[]; offered: string | null };
  /** Complaints with words or a note that may be shown to the person. */
  showable: number;
  confidentialOnly: boolean;
  unreviewedCorrection: boolean;
  apologisedForMain: boolean;
  /** How many invitations have left for this person or their address, ever; over whatever it was. */
  invitations: number;
  askedToBeTold: boolean;
  /** An approver has said, with a reason, that the window does not count for this person. */
  windowOverridden: boolean;
  offer: Pick<Offer, 'ends_on'> | null;
  /** Of an employee: the role they would come back to has no next step yet. */
  pathUndecided: boolean;
  /** How much of what the offer calls better is true for them today. */
  better: number;
  /** Whether there is a question to ask about their main complaint after they return. */
  hasCheckin: boolean;
};

/** Ever. Whoever was invited so often has heard it. */
const MOST_INVITATIONS = 3;

const CONTACT: Record<string, string> = {
  deceased: 'The record says that this person has died.',
  dismissed: 'This person was dismissed for cause.',
  dispute: 'This person is in a dispute with us.',
  asked: 'This person asked us never to write.',
};

const SUPPRESSED: Record<string, string> = {
  stopped: 'They stopped our messages.',
  bounced: 'Their address no longer accepts mail.',
  complained: 'They reported our mail as unwanted.',
  erased: 'They had their data erased.',
};

/**
 * May we invite this person back? Every refusal, not only the first; an empty list is yes. The same function serves
 * the command, the desk and the sender, and is asked again at the moment of sending.
 */
export function mayInvite(facts: GateFacts, site: Site, today: Day): GateRefusal[] {
  const refusals: GateRefusal[] = [];
  const no = (code: string, failureMode: FailureMode | null, sentence: string) =>
    refusals.push({ code, failureMode, sentence });

  const { person, departure, mainComplaint, offer } = facts;
  if (departure?.neverContact) no(departure.neverContact, null, CONTACT[departure.neverContact]!);
  if (facts.suppressed) no(facts.suppressed, null, SUPPRESSED[facts.suppressed]!);
  if (person.declinedAt !== null) no('declined', null, 'They said “No thanks”.');
  if (facts.returned) no('already-back', null, 'They have come back already.');
  if (!person.hasAddress) no('no-address', null, 'We have no address to write to.');

  if (facts.confidentialOnly) {
    no('confidential-only', null, 'All they told us is confidential, so nothing may be said about it.');
  } else if (facts.showable === 0) {
    no('no-words', 'insincere', 'We have no words of theirs and no note, so a letter could only be a template.');
  }

  if (!mainComplaint) {
    no('no-main-complaint', 'root cause ignored', 'We don’t know which complaint made them leave.');
  } else if (mainComplaint.issueId === null) {
    no('not-linked', 'root cause ignored', 'What made them leave is not linked to an issue yet.');
  } else if (mainComplaint.issueState !== 'holding') {
    no('not-holding', 'root cause ignored', NOT_HOLDING[mainComplaint.issueState ?? 'not_yet']!);
  } else if (mainComplaint.resolved !== 'fully') {
    no('not-resolved', 'root cause ignored', NOT_RESOLVED[mainComplaint.resolved ?? 'unconfirmed']!);
  }

  if (facts.reopened) {
    no('reopened', 'root cause ignored', 'They came back before and told us that it is not fixed for them.');
  }
  if (facts.heldSince) {
    no('held', 'root cause ignored', `Invitations over this are on hold since ${longDay(facts.heldSince)}.`);
  }
  if (sameManager(facts.managers)) {
    no('same-manager', 'root cause ignored', 'They would come back under the person whom their complaint concerns.');
  }

  if (facts.unreviewedCorrection) {
    no(
      'corrected',
      'root cause ignored',
      'They told us that we had their reason wrong, and nobody has reviewed it yet.',
    );
  }
  if (facts.apologisedForMain) {
    no('apologised', 'insincere', 'We have apologised to them for this once. A second apology is worse than none.');
  }
  if (facts.invitations >= MOST_INVITATIONS) {
    no(
      'invited-enough',
      'insincere',
      `They were invited ${MOST_INVITATIONS} times. Nobody is invited more often, ever.`,
    );
  }
  if (!offer) {
    no('nothing-better', 'no better future', 'No offer is better than what they left.');
  } else if (facts.better === 0) {
    no('nothing-better', 'no better future', 'Nothing that the offer calls better is true for them today.');
  } else if (offer.ends_on !== undefined && offer.ends_on < today) {
    no('offer-ended', 'no better future', `The offer ended on ${longDay(offer.ends_on)}.`);
  }
  if (facts.pathUndecided) {
    no('path-undecided', 'no better future', 'The next step after the role is not decided.');
  }
  if (!facts.hasCheckin && mainComplaint?.issueId) {
    no('no-check-in', 'transactional', 'There is no question to ask them about it after they return.');
  }

  // Only these two give way to a person's own wish to be told.
  if (!facts.askedToBeTold) {
    const left = departure?.leftOn;
    if (!left) {
      no('left-unknown', 'too late', 'We don’t know when they left.');
    } else if (!facts.windowOverridden && daysBetween(left, today) > site.invite.window_days) {
      no('too-late', 'too late', `They left on ${longDay(left)}, more than ${site.invite.window_days} days ago.`);
    }
    if (inHoldout(person.key, site.invite.holdout[person.kind])) {
      no('holdout', null, 'They are among the people we never invite, so that we can tell what inviting achieves.');
    }
  }
  return refusals;
}

const NOT_HOLDING: Record<string, string> = {
  not_yet: 'What made them leave is not fixed yet.',
  watching: 'What made them leave has changed, but it has not held long enough to be called fixed.',
  came_back: 'What made them leave came back.',
};

const NOT_RESOLVED: Record<string, string> = {
  unconfirmed: 'The issue holds, but nobody has confirmed that it is resolved for this complaint.',
  partly: 'What made them leave is only partly resolved for them.',
  no: 'What made them leave is not resolved for them.',
};

/** Two spellings of one name are one person; who would decide about them is not known, is nobody. */
function sameManager({ concerned, offered }: GateFacts['managers']): boolean {
  return offered !== null && concerned.some((whom) => isConcerned(whom, { id: '', name: offered }));
}

/** Always the same answer for the same person: the share of all ids whose hash falls below it. */
export function inHoldout(personKey: string, share: number): boolean {
  const place = createHash('sha256').update(`holdout:${personKey}`).digest().readUInt32BE() / 2 ** 32;
  return place < share;
}

/** Sentences that say something of one person, said of many. */
const SUMMED_UP: Record<string, (site: Site) => string> = {
  'too-late': (site) => `They left more than ${site.invite.window_days} days ago.`,
  'not-holding': () => 'What made them leave is not fixed and holding.',
  'not-resolved': () => 'The issue holds, but it is not confirmed as fully resolved for them.',
  'offer-ended': () => 'The offer for what they left has ended.',
  held: () => 'Invitations over what made them leave are on hold.',
};

/** How many people each reason keeps back, the most first. A person can have several. */
export function countReasons(
  asked: readonly { refusals: readonly GateRefusal[] }[],
  site: Site,
): (GateRefusal & { people: number })[] {
  const reasons: Reasons = new Map();
  for (const { refusals } of asked) addReasons(reasons, refusals, site);
  return [...reasons.values()].toSorted((a, b) => b.people - a.people);
}

export type Reasons = Map<string, GateRefusal & { people: number }>;

/** One more person. */
export function addReasons(reasons: Reasons, refusals: readonly GateRefusal[], site: Site): void {
  for (const refusal of refusals) {
    const sentence = SUMMED_UP[refusal.code]?.(site) ?? refusal.sentence;
    const known = reasons.get(refusal.code) ?? { ...refusal, sentence, people: 0 };
    known.people += 1;
    reasons.set(refusal.code, known);
  }
}
