import type { Rule } from './rule.ts';
import { plainText, TEXT_NODES } from './text.ts';

/* S118: “mіss” with a Cyrillic letter, or an unseen one, reads like a word that the other rules know, and is none to them. */

const WORD = /[\p{L}\p{M}\u00ad\u200b-\u200d\u2060\ufeff]+/gu;
const OTHER = /[\p{Script=Cyrillic}\p{Script=Greek}\u00ad\u200b-\u200d\u2060\ufeff]/u;

export const mixedScript: Rule = {
  id: 'S118',
  name: 'mixed-script',
  severity: () => 'error',
  check: (context) => {
    const read = (node: Parameters<typeof plainText>[0]) => {
      const text = plainText(node);
      for (const match of text?.plain.matchAll(WORD) ?? []) {
        if (!/\p{Script=Latin}/u.test(match[0]) || !OTHER.test(match[0])) continue;
        const sentence = `“${match[0]}” (mixed-script). It has letters of two alphabets, or unseen ones. Type the word anew.`;
        text!.report(context, match.index, sentence);
      }
    };
    return Object.fromEntries(TEXT_NODES.map((type) => [type, read]));
  },
};
