import list from './phrases.json' with { type: 'json' };
import type { Rule, Severity, Slot } from './rule.ts';
import { plainText, TEXT_NODES } from './text.ts';

/*
 * S101 to S112, S114 and S117: phrases that say nothing, or say it to work on the reader. The phrases are data, in phrases.json. Each is
 * a regular expression in which a space is any white space (“ ?” some or none), an apostrophe either kind, and “ … ” stands for up
 * to four words; it matches whole words in any case.
 */

type Phrase = string | { pattern: string; advice: string };
type Family = { id: string; name: string; severity: string; advice: string; phrases: Phrase[] };

/** Slots of a proof in which a vague quantity is refused: what we claim, what went wrong and the evidence. */
const EXACT_SLOTS: readonly Slot[] = ['lede', 'wrong', 'evidence'];

function vague(slot: Slot): Severity | null {
  if (slot === 'title') return null;
  return EXACT_SLOTS.includes(slot) ? 'error' : 'warning';
}

function expression(pattern: string): RegExp {
  const source = pattern
    .split(' … ')
    .map((part) => part.replace(/ (\?)?/g, (_, optional) => (optional ? '\\s*' : '\\s+')).replaceAll("'", "['’]"))
    .join("(?:\\s+[\\w’'%-]+,?){0,4}\\s+");
  const whole = `${/^[\w(]/.test(pattern) && !pattern.startsWith('(?') ? '(?<![\\w])' : ''}(?:${source})`;
  return new RegExp(/[\w)?*]$/.test(pattern) ? `${whole}(?![\\w])` : whole, 'gi');
}

function phraseRule({ id, name, severity, advice, phrases }: Family): Rule {
  const compiled = phrases.map((phrase) => ({
    expression: expression(typeof phrase === 'string' ? phrase : phrase.pattern),
    advice: typeof phrase === 'string' ? advice : phrase.advice,
  }));
  return {
    id,
    name,
    severity: (slot) => (id === 'S109' ? vague(slot) : severity === 'error' ? 'error' : 'warning'),
    check: (context) => {
      const read = (node: Parameters<typeof plainText>[0]) => {
        const text = plainText(node);
        if (!text) return;
        let taken = 0;
        const hits = compiled
          .flatMap((phrase) => [...text.plain.matchAll(phrase.expression)].map((match) => ({ match, ...phrase })))
          .toSorted((a, b) => a.match.index - b.match.index || b.match[0].length - a.match[0].length);
        for (const hit of hits) {
          if (hit.match.index < taken || (severity === 'warning' && isQuoted(text.plain, hit.match.index))) continue;
          taken = hit.match.index + hit.match[0].length;
          const words = hit.match[0].replace(/\s+/g, ' ').trim();
          text.report(context, hit.match.index, `“${words}” (${name}). ${hit.advice}`);
        }
      };
      return Object.fromEntries(TEXT_NODES.map((type) => [type, read]));
    },
  };
}

/** Inside quotation marks: a word we report, say of an old contract, is no claim. */
function isQuoted(plain: string, at: number): boolean {
  return [...plain.matchAll(/“[^“”]*”|(?<!\w)"[^"]*"(?!\w)/g)].some(
    ({ 0: quoted, index }) => index < at && at < index + quoted.length,
  );
}

export const phraseRules: Rule[] = (list as Family[]).map(phraseRule);
