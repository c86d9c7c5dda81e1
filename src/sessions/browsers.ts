import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { env } from '../env.ts';

/*
 * A browser in which a colleague has signed in before, known by a cookie that only we can have made. It signs nobody in. It keeps
 * somebody's guesses on another machine from using up the letters and tries that are hers.
 */

/** The cookie for a browser in which this colleague has just signed in. */
export function markBrowser(staffId: string): string {
  const browser = randomBytes(16).toString('base64url');
  return `${browser}.${macOf(staffId, browser)}`;
}

/** The browser that this cookie names, if it was made for this colleague; null: one that we don't know. */
export function knownBrowser(staffId: string, cookie: string | undefined): string | null {
  const [browser = '', mac = ''] = cookie?.split('.') ?? [];
  if (!/^[\w-]{22}$/.test(browser)) return null;
  const [right, given] = [Buffer.from(macOf(staffId, browser)), Buffer.from(mac)];
  return right.length === given.length && timingSafeEqual(right, given) ? browser : null;
}

function macOf(staffId: string, browser: string): string {
  return createHmac('sha256', env.SUPPRESSION_KEY).update(`browser:${staffId}\n${browser}`).digest('base64url');
}
