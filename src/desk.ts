import type { APIContext } from 'astro';
import type { Db } from '../db/client.ts';
import type { staff } from '../db/schema/staff.ts';
import { database } from './database.ts';
import { env } from './env.ts';
import type { Site } from './proofs/documents.ts';
import { publishedSite } from './proofs/published.ts';
import { knownBrowser, markBrowser } from './sessions/browsers.ts';
import { signedIn } from './sessions/staff.ts';
import { type Doing, may } from './staff/access.ts';
import { ownPath } from './staff/sign-in.ts';
import { seeOther } from './visit.ts';

/* What every page and every press of the desk asks first: who is this, and may they? */

type Context = Pick<APIContext, 'cookies' | 'request' | 'url' | 'rewrite'>;

export type Colleague = {
  db: Db;
  site: Site;
  now: Date;
  staff: Pick<typeof staff.$inferSelect, 'id' | 'name' | 'title' | 'roles'>;
  /** When they typed their code. */
  signedInAt: Date;
};

/** This browser is one that they have signed in with: see sessions/browsers.ts. */
export function rememberBrowser({ cookies }: Pick<Context, 'cookies'>, staffId: string): void {
  if (knownBrowser(staffId, cookies.get(KNOWN)?.value) !== null) return;
  cookies.set(KNOWN, markBrowser(staffId), { ...ATTRIBUTES, maxAge: 180 * 86_400 });
}

export function browserCookie({ cookies }: Pick<Context, 'cookies'>): string | undefined {
  return cookies.get(KNOWN)?.value;
}

/** `__Host-` wants a secure address; on this machine's own loopback there is none. */
const SECURE = env.AMENDS_URL.startsWith('https:');
const COOKIE = SECURE ? '__Host-amends-staff' : 'amends-staff';
const KNOWN = SECURE ? '__Host-amends-known' : 'amends-known';
const ATTRIBUTES = { httpOnly: true, secure: SECURE, sameSite: 'lax', path: '/' } as const;

/** Who is signed in on this browser; null: nobody who works here. */
export async function staffOf(context: Pick<Context, 'cookies'>): Promise<Colleague | null> {
  const db = await database();
  const now = new Date();
  const found = await signedIn(db, sessionSecret(context), now);
  if (!found) return null;
  const { id, name, title, roles } = found.staff;
  return { db, site: await publishedSite(db.read), now, staff: { id, name, title, roles }, signedInAt: found.at };
}

/**
 * The first line of every page and press: whoever may do this, or the answer to give instead (the way to sign in, or a
 * page that says whom to ask).
 */
export async function requireStaff(context: Context, doing: Doing): Promise<Colleague | Response> {
  const desk = await staffOf(context);
  if (!desk) return toSignIn(context);
  if (may(desk.staff.roles, doing)) return desk;
  // As a request to look, whatever it was: the press is not handed on.
  const headers = new Headers({ cookie: context.request.headers.get('cookie') ?? '' });
  return context.rewrite(new Request(new URL(`/staff/not-yours?doing=${doing}`, context.url), { headers }));
}

/** What was sent with a press. `text`: a field as it was typed, empty where it is missing. */
export async function pressed({ request }: Pick<Context, 'request'>) {
  const form = await request.formData();
  return { form, text: (name: string) => String(form.get(name) ?? '') };
}

const FRESH_MS = 30 * 60_000;

/** For what must not happen on a screen that was left open: null when the code was typed in the last half hour. */
export function askAgain(context: Context, desk: Colleague): Response | null {
  return desk.now.getTime() - desk.signedInAt.getTime() <= FRESH_MS ? null : toSignIn(context, 'again');
}

function toSignIn({ url }: Context, why?: 'again'): Response {
  const query = new URLSearchParams({ to: ownPath(url.pathname + url.search), ...(why && { [why]: '' }) });
  return seeOther(`/staff/sign-in?${query}`);
}

export function sessionSecret({ cookies }: Pick<Context, 'cookies'>): string | undefined {
  return cookies.get(COOKIE)?.value;
}

/** The browser keeps it until it is closed; how long it signs anyone in is for the server to say. */
export function rememberSession({ cookies }: Pick<Context, 'cookies'>, secret: string): void {
  cookies.set(COOKIE, secret, ATTRIBUTES);
}

export function forgetSession({ cookies }: Pick<Context, 'cookies'>): void {
  cookies.delete(COOKIE, ATTRIBUTES);
}

const ASKED = SECURE ? '__Host-amends-asked' : 'amends-asked';

/** The address that asked for a code, between the two pages of signing in. */
export function rememberAddress({ cookies }: Pick<Context, 'cookies'>, address: string): void {
  cookies.set(ASKED, address, { ...ATTRIBUTES, maxAge: 15 * 60 });
}

export function rememberedAddress({ cookies }: Pick<Context, 'cookies'>): string | undefined {
  return cookies.get(ASKED)?.value;
}

export function forgetAddress({ cookies }: Pick<Context, 'cookies'>): void {
  cookies.delete(ASKED, ATTRIBUTES);
}
