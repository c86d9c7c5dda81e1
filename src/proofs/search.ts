import type { IssueWithState, PublishedIssue, PublishedProof } from './published.ts';

/*
 * What a visitor looks for among everything published. Each word must stand somewhere in what we say of a problem or of its
 * changes; a title weighs most. Two thousand problems take some milliseconds, so there is no index to keep.
 */

export const LONGEST_QUERY = 100;

/** Lower case, without accents and marks, the words between single spaces: what a query and a text are compared as. */
function plain(text: string): string {
  const bare = text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return ` ${
    bare
      .replace(/['’]/g, '')
      .match(/[\p{L}\p{N}]+/gu)
      ?.join(' ') ?? ''
  } `;
}

/** The words looked for, each once. */
export function wordsOf(query: string): string[] {
  return [...new Set(plain(query).trim().split(' '))].filter(Boolean);
}

type Said = { title: string; summary: string; all: string };

/** A published version never changes, so its words are taken out once and go when it goes. */
const said = new WeakMap<PublishedIssue | PublishedProof, Said>();

function saidBy(document: PublishedIssue | PublishedProof): Said {
  let found = said.get(document);
  if (!found) {
    found = 'headline' in document ? ofProof(document) : ofIssue(document);
    said.set(document, found);
  }
  return found;
}

function ofIssue({ data, body }: PublishedIssue): Said {
  const { title, summary, stands = '', blocks = '' } = data;
  return { title: plain(title), summary: plain(summary), all: plain([title, summary, stands, blocks, body].join(' ')) };
}

function ofProof({ headline, line, lede, data, body }: PublishedProof): Said {
  const changes = data.changes.map(({ what }) => what).join(' ');
  const all = plain([headline, line, lede, body, changes, data.still_not_right].join(' '));
  return { title: plain(headline), summary: plain(`${line} ${lede}`), all };
}

/** Best first; of equals, those that came back, then by name. A word matches the beginning of one: “export” finds “exports”. */
export function search(issues: readonly IssueWithState[], query: string): IssueWithState[] {
  const words = wordsOf(query).map((word) => ` ${word}`);
  if (words.length === 0) return [];
  return issues
    .flatMap((one) => {
      const texts = [saidBy(one.issue), ...one.proofs.map(({ proof }) => saidBy(proof))];
      let score = 0;
      for (const word of words) {
        const best = Math.max(...texts.map((text) => weightOf(text, word)));
        if (best === 0) return [];
        score += best;
      }
      return [{ one, score: score + (one.state.state === 'came_back' ? 0.5 : 0) }];
    })
    .toSorted((a, b) => b.score - a.score || a.one.issue.id.localeCompare(b.one.issue.id))
    .map(({ one }) => one);
}

function weightOf({ title, summary, all }: Said, word: string): number {
  if (title.includes(`${word} `)) return 8;
  if (title.includes(word)) return 6;
  if (summary.includes(word)) return 3;
  return all.includes(word) ? 1 : 0;
}
