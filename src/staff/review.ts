import type { Reader } from '../../db/client.ts';
import { noAnswersByIssue } from '../checkins/answers.ts';
import { arrivedPoints } from '../proofs/arrived.ts';
import type { Judgement } from '../proofs/check.ts';
import type { Confirmation } from '../proofs/confirmers.ts';
import { parseDocument } from '../proofs/content.ts';
import { changedPoints, correctionsIn } from '../proofs/corrections.ts';
import { differencesOf } from '../proofs/difference.ts';
import { measurementsOf } from '../proofs/measurements.ts';
import { circumstancesOf, type PublishedProof, proofWithState, publishedSite } from '../proofs/published.ts';
import { type State, stateOfProof } from '../proofs/state.ts';
import { liveVersion, readVersion } from '../proofs/versions.ts';
import { approversOf, factsToTick, judgeDraft, standingOf } from './approval.ts';
import type { Member } from './colleagues.ts';
import { confirmationsOf } from './confirmers.ts';
import { type PublicChange, publicChanges } from './corrected.ts';
import { contentHash, type DocumentName, type Draft, type WrittenDocument } from './draft.ts';
import { draftOf } from './drafts.ts';
import type { Fact } from './facts.ts';
import { type Slot, slotsOf } from './slots.ts';
import { type Standing, shownTitle } from './status.ts';

/* All that the page on which a draft goes from hand to hand shows. */

export type Live = NonNullable<Awaited<ReturnType<typeof liveVersion>>>;

export type Review = {
  draft: Draft;
  title: string;
  standing: Standing;
  judged: Judgement;
  slots: Slot[];
  facts: Fact[];
  /** Numbers that are public and that it changes. */
  changes: PublicChange[];
  /** Of a proof that is public: today, and were this published now. */
  states: { was: State; now: State } | null;
  /** What is public today. */
  live: Live | null;
  differences: ReturnType<typeof differencesOf>;
  /** Who may publish it: nobody who wrote, owns or confirmed it. */
  approvers: Member[];
  /** Who was asked from outside, and what they said. */
  confirmations: Confirmation[];
};

/** Null: there is no draft. */
export async function reviewOf(reader: Reader, name: DocumentName, now: Date): Promise<Review | null> {
  const draft = await draftOf(reader, name);
  if (!draft) return null;
  const [standing, judged, live, proof, was] = await Promise.all([
    standingOf(reader, draft),
    judgeDraft(reader, draft),
    liveVersion(reader, draft),
    proofInDraft(reader, draft, now),
    draft.collection === 'proofs'
      ? proofWithState(reader, draft.documentId, await noAnswersByIssue(reader), now)
      : null,
  ]);
  return {
    draft,
    title: shownTitle(draft),
    standing,
    judged,
    slots: slotsOf(draft, judged, proof?.state ?? null),
    facts: await factsToTick(reader, draft),
    changes: await publicChanges(reader, draft),
    states: was && proof ? { was: was.state, now: proof.state } : null,
    live,
    differences: differencesOf(live ?? { source: '', assets: {} }, draft, 'The text'),
    approvers: await approversOf(reader, draft, standing),
    confirmations: draft.collection === 'proofs' ? await confirmationsOf(reader, draft.documentId) : [],
  };
}

export type ProofShown = {
  proof: PublishedProof;
  state: State;
  /** What it says otherwise than it arrived. */
  corrections: { sentence: string; on: undefined; reason: undefined }[];
};

/** A proof as its page would show it, were it published now; null while it can't be read, or for anything else. */
export async function proofInDraft(reader: Reader, written: WrittenDocument, now: Date): Promise<ProofShown | null> {
  if (written.collection !== 'proofs') return null;
  const { documentId: id, source, assets } = written;
  const arrived = arrivedPoints(await measurementsOf(reader, id));
  const version = readVersion({ id, source, assets }, arrived);
  if (!version || parseDocument('proofs', id, source, assets).problems.length > 0) return null;
  const [site, noAnswers, live] = await Promise.all([
    publishedSite(reader),
    noAnswersByIssue(reader),
    liveVersion(reader, written),
  ]);
  const { document, points, summaries, headline, line, lede } = version;
  const { lineOf: _, bodyLine: __, ...rest } = document;
  const proof: PublishedProof = {
    ...rest,
    points,
    assets: version.assets,
    version: (live?.version ?? 0) + 1,
    hash: contentHash(written),
    publishedAt: now.getTime(),
    summaries,
    headline,
    line,
    lede,
    arrived: [],
    corrected: changedPoints(arrived, points),
  };
  const corrections = correctionsIn([{ version: proof.version, ...document }], arrived);
  return {
    proof,
    state: stateOfProof(proof, noAnswers, circumstancesOf(site, now)),
    corrections: corrections.map(({ sentence }) => ({ sentence, on: undefined, reason: undefined })),
  };
}
