import { hash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';

/** A secret for a personal link or a device: 32 random bytes in base64url, 43 characters. Only its hash is ever stored. */
export function mintSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** SHA-256 of the secret as typed. A plain hash is enough: 256 random bits can't be guessed (ASVS 5.0, 6.5.2). */
export function hashSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}

export function sameHash(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Whether the text has the form of a minted secret, so that nonsense never reaches the database. */
export function looksLikeSecret(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}

/** A six-digit code for a letter; short-lived and counted, because it can be guessed. */
export function mintCode(): string {
  return String(randomInt(0, 1_000_000)).padStart(6, '0');
}
