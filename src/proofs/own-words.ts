import { fill } from '../mail/delivery.ts';
import { countWord } from '../shared/words.ts';
import type { Site } from './documents.ts';

/** A plain page's text with what the settings say: `{organisation}`, `{replyTo}`, `{noAnswers}`. Nothing is typed twice. */
export function inOwnWords(body: string, { organisation, reply_to: replyTo, reopen }: Site): string {
  const enough = reopen.no_answers;
  const noAnswers = enough === 1 ? 'one is enough' : `it takes ${countWord(enough)}`;
  return fill(body, { organisation, replyTo, noAnswers });
}
