import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Real records that are not part of this repository. `note` says so in the name of a skipped test. */
export function sharedData(name: string): { path: string; found: boolean; note: string } {
  const path = join(process.env['AMENDS_SHARED_DATA'] ?? resolve('../shared/data'), name);
  const found = existsSync(path);
  return { path, found, note: found ? '' : ` (skipped: real records not found at ${path})` };
}
