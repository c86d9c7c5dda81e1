import nlp from 'compromise';
import type { Rule } from './rule.ts';
import { plainText, TEXT_NODES } from './text.ts';

/* S108p: “exports were broken” hides who broke them. Only where we say what went wrong and what changed; “is shown” may stay. */

const PASSIVE = '(was|were|been|got) #Adverb? not? #Adverb? [<verb>(#PastTense|#Participle)]';
/** What somebody was told, asked or waiting for is no act of ours: “each person who has not been told”, “whether it was solved”. */
const NO_ACT =
  /\b(?:(?:who|whose|whether|if|unless|until|once)|(?:told|tells?|says?|said|thought|claimed|promised)\b[^.,;:]*?\bthat)\b[^.,;:]*$/i;
const AGENT = /^\s+(?:\S+\s+){0,3}?by\s+(?:us\b|me\b|our\s|people\b|\p{Lu})/u;

export const hiddenAgent: Rule = {
  id: 'S108p',
  name: 'hidden-agent',
  severity: (slot) => (slot === 'wrong' || slot === 'changed' ? 'error' : null),
  check: (context) => {
    const read = (node: Parameters<typeof plainText>[0]) => {
      const text = plainText(node);
      if (!text || !/\b(was|were|been|got)\b/i.test(text.plain)) return;
      const found = nlp(text.plain).match(PASSIVE).json({ offset: true }) as {
        text: string;
        offset: { start: number; length: number };
      }[];
      for (const { text: words, offset } of found) {
        const after = text.plain.slice(offset.start + offset.length);
        if (AGENT.test(after) || NO_ACT.test(text.plain.slice(0, offset.start))) continue;
        const sentence = `“${words.replace(/[.,;:]$/, '')}” (hidden-agent). Say who did it: “we …”, or a name.`;
        text.report(context, offset.start, sentence);
      }
    };
    return Object.fromEntries(TEXT_NODES.map((type) => [type, read]));
  },
};
