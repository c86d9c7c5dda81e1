import type { Outcome } from './sentences.ts';

/** The colour of each outcome; the word beside it always says the same. */
export const TONES: Record<Outcome, 'holding' | 'watching' | 'not-yet' | 'came-back'> = {
  fixed: 'holding',
  partly: 'watching',
  watching: 'watching',
  not_fixed: 'not-yet',
  came_back: 'came-back',
};
