import type { Reader } from '../../db/client.ts';
import { noAnswersByIssue } from '../checkins/answers.ts';
import type { Judgement } from '../proofs/check.ts';
import type { Confirmation } from '../proofs/confirmers.ts';
import { parseDocument } from '../proofs/content.ts';
import { differencesOf } from '../proofs/difference.ts';
import { circumstancesOf, type PublishedProof, publishedSite } from '../proofs/published.ts';
import { type State, stateOfProof } from '../proofs/state.ts';
import { readVersion } from '../proofs/versions.ts';
import { approversOf, factsIn, judgeDraft, liveVersion, standingOf } from './approval.ts';
import type { Member } from './colleagues.ts';
import { confirmationsOf } from './confirmers.ts';
import { contentHash, type Draft } from './draft.ts';
import { draftOf } from './drafts.ts';
import type { Fact } from './facts.ts';
import { type Slot, slotsOf } from './slots.ts';
import { type Standing, shownTitle } from './status.ts';

/* All that the page on which a draft goes from hand to hand shows. */

type DocumentName = Pick<Draft, 'collection' | 'documentId'>;
export type Live = NonNullable<Awaited<ReturnType<typeof liveVersion>>>;

export type Review = {
  draft: Draft;
  title: string;
  standing: Standing;
  judged: Judgement;
  slots: Slot[];
  facts: Fact[];
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
  const [standing, judged, live, proof] = await Promise.all([
    standingOf(reader, draft),
    judgeDraft(reader, draft),
    liveVersion(reader, draft),
    proofInDraft(reader, draft, now),
  ]);
  return {
    draft,
    title: shownTitle(draft),
    standing,
    judged,
    slots: slotsOf(draft, judged, proof?.state ?? null),
    facts: factsIn(draft),
    live,
    differences: differencesOf(live ?? { source: '', assets: {} }, draft, 'The text'),
    approvers: await approversOf(reader, draft, standing),
    confirmations: draft.collection === 'proofs' ? await confirmationsOf(reader, draft.documentId) : [],
  };
}

export type ProofShown = { proof: PublishedProof; state: State };

/** A proof as its page would show it, were it published now; null while it can't be read, or for anything else. */
export async function proofInDraft(
  reader: Reader,
  written: DocumentName & Pick<Draft, 'source' | 'assets'>,
  now: Date,
): Promise<ProofShown | null> {
  if (written.collection !== 'proofs') return null;
  const { documentId: id, source, assets } = written;
  const version = readVersion({ id, source, assets });
  if (!version || parseDocument('proofs', id, source, assets).problems.length > 0) return null;
  const [site, noAnswers, live] = await Promise.all([
    publishedSite(reader),
    noAnswersByIssue(reader),
    liveVersion(reader, written),
  ]);
  const { document, summaries, headline, line, lede } = version;
  const { lineOf: _, bodyLine: __, ...rest } = document;
  const proof: PublishedProof = {
    ...rest,
    version: (live?.version ?? 0) + 1,
    hash: contentHash(written),
    publishedAt: now.getTime(),
    summaries,
    headline,
    line,
    lede,
    // What arrived since the live version is in the draft's own series.
    arrived: [],
  };
  return { proof, state: stateOfProof(proof, noAnswers, circumstancesOf(site, now)) };
}
