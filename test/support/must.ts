import { isRefusal, type Refusal } from '../../src/shared/refusal.ts';

/** The answer, where a test goes on from it; a refusal ends the test with its own sentence. */
export function must<Answer>(answer: Answer): Exclude<Answer, Refusal> {
  if (isRefusal(answer)) throw new Error(answer.sentence);
  return answer as Exclude<Answer, Refusal>;
}
