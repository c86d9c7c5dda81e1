import type { Rule } from './rule.ts';
import { plainText, TEXT_NODES } from './text.ts';

/* S115 and S116: what went wrong begins with us and with a figure. */

type Visit = Parameters<typeof plainText>[0];

const inWrong: Rule['severity'] = (slot) => (slot === 'wrong' ? 'error' : null);

/** Calls `check` with the first paragraph that isn't a quote, or with nothing. */
function firstParagraph(check: (plain: string) => string | null): Rule['check'] {
  return (context) => {
    let seen = false;
    return {
      Paragraph(node) {
        const text = seen ? null : plainText(node);
        if (!text) return;
        seen = true;
        const sentence = check(text.plain);
        if (sentence) text.report(context, 0, sentence);
      },
      'Document:exit'(node) {
        const sentence = seen ? null : check('');
        if (sentence) context.report(node, new context.RuleError(sentence));
      },
    };
  };
}

const beginsWithUs: Rule = {
  id: 'S115',
  name: 'not-owned',
  severity: inWrong,
  check: firstParagraph((plain) =>
    /^We\b/.test(plain) ? null : 'What went wrong begins with “We” and what we did: “We broke exports on 4 March …”.',
  ),
};

/** “We experienced” begins with us and still says that it happened to us. */
const SUFFERED = /\bwe(?:\s+have|['’]ve|\s+had)?\s+(?:also\s+)?(experienced|encountered|suffered|faced|ran\s+into)\b/gi;

const notSuffered: Rule = {
  id: 'S115 suffered',
  name: 'not-owned',
  severity: inWrong,
  check: (context) => {
    const read = (node: Visit) => {
      const text = plainText(node);
      for (const match of text?.plain.matchAll(SUFFERED) ?? []) {
        const sentence = `“${match[0].replace(/\s+/g, ' ')}” (not-owned). It happened to the people; say what we did.`;
        text!.report(context, match.index, sentence);
      }
    };
    return Object.fromEntries(TEXT_NODES.map((type) => [type, read]));
  },
};

const hasFigure: Rule = {
  id: 'S116',
  name: 'no-number',
  severity: inWrong,
  check: firstParagraph((plain) =>
    /\d/.test(plain)
      ? null
      : 'The first paragraph of what went wrong needs a figure: how many, how long, or since when.',
  ),
};

export const ownershipRules: Rule[] = [beginsWithUs, notSuffered, hasFigure];
