import { syllable } from 'syllable';
import type { Rule, Severity } from './rule.ts';
import { plainText, sentencesOf, TEXT_NODES, wordsOf } from './text.ts';

/*
 * S113: sentences that can't be read in one breath, and whole texts that need too many years of school (the grade of Flesch and
 * Kincaid). A grade means nothing for a few lines: it is taken from 100 words on.
 */

const WARN = { grade: 9, words: 25 };
const REFUSE = { grade: 12, words: 35 };
const WORDS_FOR_A_GRADE = 100;

function readingRule(severity: Severity): Rule {
  const limit = severity === 'error' ? REFUSE : WARN;
  const above = (value: number, key: keyof typeof WARN) =>
    value > limit[key] && (severity === 'error' || value <= REFUSE[key]);
  return {
    id: severity === 'error' ? 'S113 error' : 'S113',
    name: 'reading',
    severity: () => severity,
    check: (context) => {
      const all = { words: 0, sentences: 0, syllables: 0 };
      const read = (node: Parameters<typeof plainText>[0]) => {
        const text = plainText(node);
        if (!text) return;
        for (const { text: sentence, at } of sentencesOf(text.plain)) {
          const words = wordsOf(sentence);
          if (words.length === 0) continue;
          all.words += words.length;
          all.sentences += 1;
          all.syllables += syllable(sentence);
          if (!above(words.length, 'words')) continue;
          const most = `At most ${limit.words} words fit one sentence.`;
          text.report(context, at, `This sentence has ${words.length} words (reading). ${most} Make two of it.`);
        }
      };
      return {
        ...Object.fromEntries(TEXT_NODES.map((type) => [type, read])),
        'Document:exit'(node) {
          if (all.words < WORDS_FOR_A_GRADE) return;
          const grade = gradeOf(all);
          if (!above(grade, 'grade')) return;
          const sentence = `This reads at school grade ${grade.toFixed(0)} (reading). Aim for ${WARN.grade}: shorter sentences, plainer words.`;
          context.report(node, new context.RuleError(sentence));
        },
      };
    },
  };
}

/** The school grade of Flesch and Kincaid (1975): 0.39 words per sentence + 11.8 syllables per word − 15.59. */
export function gradeOf({ words, sentences, syllables }: { words: number; sentences: number; syllables: number }) {
  return 0.39 * (words / sentences) + 11.8 * (syllables / words) - 15.59;
}

export const readingRules: Rule[] = [readingRule('warning'), readingRule('error')];
