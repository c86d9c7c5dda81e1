import type { Context, Reporter } from './rule.ts';

/*
 * The words of a piece of Markdown as a reader sees them, and where each stands in the source. What stands in a block quote is
 * somebody else's and has no words here; code has none either. HTML does: a page shows it as text.
 */

type Visit = Extract<NonNullable<ReturnType<Reporter>['Paragraph']>, (...args: never[]) => unknown>;
type Node = Parameters<Visit>[0];
type AnyNode = {
  type: string;
  value?: string;
  range: readonly [number, number];
  parent?: AnyNode;
  children?: AnyNode[];
};

/** The nodes that hold words and don't hold each other. */
export const TEXT_NODES = ['Paragraph', 'Header', 'TableCell', 'Html', 'HtmlBlock'] as const;

export type PlainText = {
  plain: string;
  /** Reports at a position in `plain`. */
  report(context: Context, at: number, sentence: string): void;
};

export function plainText(node: Node): PlainText | null {
  const top = node as unknown as AnyNode;
  for (let above = top.parent; above; above = above.parent) {
    if (above.type === 'BlockQuote') return null;
    if (top.type === 'Html' && (TEXT_NODES as readonly string[]).includes(above.type)) return null;
  }
  let plain = '';
  const pieces: { at: number; source: number }[] = [];
  const walk = (one: AnyNode) => {
    if (one.children) for (const child of one.children) walk(child);
    else {
      pieces.push({ at: plain.length, source: one.range[0] });
      plain += one.type === 'Break' ? '\n' : (one.value ?? '');
    }
  };
  walk(top);
  if (plain.trim() === '') return null;
  return {
    plain,
    report(context, at, sentence) {
      const piece = pieces.findLast((one) => one.at <= at) ?? { at: 0, source: top.range[0] };
      const index = piece.source - top.range[0] + (at - piece.at);
      context.report(node, new context.RuleError(sentence, { padding: context.locator.at(index) }));
    },
  };
}

const SENTENCES = new Intl.Segmenter('en', { granularity: 'sentence' });

/** Sentences with their place in the text. */
export function sentencesOf(plain: string): { text: string; at: number }[] {
  return [...SENTENCES.segment(plain)].map(({ segment, index }) => ({
    text: segment.trim(),
    at: index,
  }));
}

export function wordsOf(text: string): string[] {
  return text.split(/[\s–—]+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
}
