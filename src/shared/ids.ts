import { uuidv7 } from 'uuidv7';

/** A new row's id: time-ordered, so that new rows land at the end of their index. Not a secret. */
export function newId(): string {
  return uuidv7();
}
