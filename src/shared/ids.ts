import { randomFillSync } from 'node:crypto';
import { V7Generator } from 'uuidv7';

// Random numbers are fetched by the thousand: an import makes ids by the million.
const numbers = new Uint32Array(1024);
let used = numbers.length;
const generator = new V7Generator({
  nextUint32() {
    if (used === numbers.length) {
      randomFillSync(numbers);
      used = 0;
    }
    return numbers[used++]!;
  },
});

/** A new row's id: time-ordered, so that new rows land at the end of their index. Not a secret. */
export function newId(): string {
  return generator.generate().toString();
}
