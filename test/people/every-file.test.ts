import { expect, test } from 'vitest';
import { EXPECTATIONS, haveShared, runFile } from './every-file.ts';

// The same as `npm run trials -- every-file`, which prints it.
test
  .skipIf(!haveShared)
  .each(EXPECTATIONS.map((one) => [`${one.file}${one.after ? ` after ${one.after.join(', ')}` : ''}`, one] as const))(
  '%s comes to what was written down first',
  async (_, one) => {
    expect(await runFile(one)).toEqual(one.expect ?? one.nothingRead);
  },
  60_000,
);
