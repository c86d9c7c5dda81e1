import type { APIContext, APIRoute } from 'astro';
import type { Db } from '../db/client.ts';
import { database } from './database.ts';
import { env, isLoopback } from './env.ts';
import { bindDevice, type Link, openLink, type Visit } from './invitations/links.ts';
import type { Site } from './proofs/documents.ts';
import { publishedSite } from './proofs/published.ts';
import { newestOffer, offerState, type RoleOffer } from './reonboarding/offer.ts';
import { type Week, weekOf } from './reonboarding/steps.ts';
import { DEVICE_DAYS } from './sessions/devices.ts';
import { dayOf } from './shared/dates.ts';

/* What every personal page asks first: which link is this, whose device, and what may be shown. */

type Context = Pick<APIContext, 'params' | 'cookies' | 'request'>;

export type Visitor = { db: Db; site: Site; now: Date; token: string; visit: Visit };

/** `__Host-` wants a secure address; on this machine's own loopback there is none. */
const COOKIE = env.AMENDS_URL.startsWith('https:') ? '__Host-amends' : 'amends-device';

/** Opens the link in the address for this visitor, reading only. Null: show the dead-link page, always the same one. */
export async function visitorOf(context: Context, purpose: Link['purpose']): Promise<Visitor | null> {
  const db = await database();
  const site = await publishedSite(db.read);
  const now = new Date();
  const token = context.params['link'] ?? '';
  const deviceSecret = context.cookies.get(COOKIE)?.value;
  const visit = await openLink(db.read, token, purpose, { deviceSecret, freshDays: site.invite.fresh_days }, now);
  return visit && { db, site, now, token, visit };
}

export type OwnPage = Omit<Visitor, 'token'> & { path: string };

/** How long a typed code counts for what can't be taken back. */
const PROVEN_MS = 15 * 60_000;

/**
 * What a page for the person alone begins with: its visitor, or the answer to give instead. `code`: a code was typed on this
 * device. `new code`: within the last quarter of an hour. `back` is where the code page leads afterwards.
 */
export async function ownPage(
  context: Context & Pick<APIContext, 'rewrite'>,
  need: 'trust' | 'code' | 'new code' = 'trust',
  back?: AfterCode,
): Promise<OwnPage | Response> {
  const visitor = await visitorOf(context, 'page');
  if (!visitor) return deadLink(context);
  const { token, ...own } = visitor;
  const path = `/for/${token}`;
  const provenAt = own.visit.device?.steppedUpAt ?? null;
  const proven = provenAt !== null && (need === 'code' || provenAt > own.now.getTime() - PROVEN_MS);
  const enough = need === 'trust' ? own.visit.trusted : proven;
  return enough ? { ...own, path } : seeOther(`${path}/code${back ? `?for=${back}` : ''}`);
}

/** What every page of somebody who worked here begins with: nothing is said before a code was typed on this device. */
export async function employeeOf(context: Context & Pick<APIContext, 'rewrite'>): Promise<OwnPage | Response> {
  const own = await ownPage(context);
  return own instanceof Response || own.visit.person.kind === 'employee' ? own : seeOther(own.path);
}

/** What every page of their first week back begins with: there is one for who accepted an offer. */
export async function weekBack(
  context: Context & Pick<APIContext, 'rewrite'>,
): Promise<(OwnPage & { offer: RoleOffer; week: Week; back: string }) | Response> {
  const own = await employeeOf(context);
  if (own instanceof Response) return own;
  const { db, site, now, visit, path } = own;
  const offer = await newestOffer(db.read, visit.person.id);
  if (!offer || offerState(offer, dayOf(now, site.time_zone)) !== 'accepted') return seeOther(path);
  return { ...own, offer, week: await weekOf(db.read, offer, site.time_zone), back: `${path}/first-week` };
}

/** Pages that a code may lead to. */
export const AFTER_CODE = ['yours', 'correct', 'erase', 'rejoin', 'back'] as const;
export type AfterCode = (typeof AFTER_CODE)[number];

/** The first press makes a fresh link this device's own. Whether the visitor may go on is for the next page to say. */
export async function bindVisitor(context: Context, visitor: Pick<Visitor, 'db' | 'visit' | 'now'>): Promise<void> {
  const secret = await visitor.db.write((tx) => bindDevice(tx, visitor.visit, visitor.now));
  if (secret) rememberVisitor(context, secret);
}

export function rememberVisitor(context: Context, secret: string): void {
  context.cookies.set(COOKIE, secret, {
    httpOnly: true,
    secure: COOKIE.startsWith('__Host-'),
    sameSite: 'lax',
    path: '/',
    maxAge: DEVICE_DAYS * 86_400,
  });
}

const WAY_COOKIE = COOKIE.startsWith('__Host-') ? '__Host-amends-way' : 'amends-way';
const WAY = /^\/(for|pay)\/[A-Za-z0-9_-]{43}$/;

/**
 * Before they go to the bank or to Stripe: this device remembers which page is theirs. The address they come back to is known to
 * others, so the link is not in it.
 */
export function rememberWay(context: Context, path: string): void {
  context.cookies.set(WAY_COOKIE, path, {
    httpOnly: true,
    secure: COOKIE.startsWith('__Host-'),
    sameSite: 'lax',
    path: '/',
    maxAge: 86_400,
  });
}

/** The page that this device left from, or null on another device. */
export function wayBack(context: Pick<Context, 'cookies'>): string | null {
  const path = context.cookies.get(WAY_COOKIE)?.value ?? '';
  return WAY.test(path) ? path : null;
}

/** After a press: on to a page that only reads, so that reloading repeats nothing. */
export function seeOther(path: string): Response {
  return new Response(null, { status: 303, headers: { Location: path } });
}

/** A press that is opened rather than pressed: nothing happens. Without this, Astro would write the address, secret and all, to its log. */
export const openedOnly: APIRoute = ({ params }) => seeOther(`/for/${params['link']}`);

/** The page for a link that answers nobody: the same for every reason, under the address that was opened. */
export function deadLink(context: Context & Pick<APIContext, 'rewrite'>): Response | Promise<Response> {
  const path = `/for/${encodeURIComponent(context.params['link'] ?? '')}`;
  return context.request.method === 'POST' ? seeOther(path) : context.rewrite(`${path}/new-link`);
}

/** What that page needs. It is the same for a link that never was and for one that was. */
export async function nobody(context: Context): Promise<{ site: Site; token: string }> {
  const db = await database();
  return { site: await publishedSite(db.read), token: context.params['link'] ?? '' };
}

/** Letters that would have been mailed are shown on this machine only, and only while no mail server is set. */
export function showsMailbox({ clientAddress, request }: Pick<APIContext, 'clientAddress' | 'request'>): boolean {
  const here = ['127.0.0.1', '::1', '::ffff:127.0.0.1'].includes(clientAddress);
  return env.SMTP_URL === '' && isLoopback() && here && !request.headers.has('x-forwarded-for');
}
