import type { APIContext } from 'astro';
import type { Db } from '../db/client.ts';
import { database } from './database.ts';
import { env } from './env.ts';
import { bindDevice, type Link, openLink, type Visit } from './invitations/links.ts';
import type { Site } from './proofs/documents.ts';
import { publishedSite } from './proofs/published.ts';
import { DEVICE_DAYS } from './sessions/devices.ts';

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

export type EmployeesPage = Omit<Visitor, 'token'> & { path: string };

/** What every page of somebody who worked here begins with: nothing is said before a code was typed on this device. */
export async function employeeOf(context: Context & Pick<APIContext, 'rewrite'>): Promise<EmployeesPage | Response> {
  const visitor = await visitorOf(context, 'page');
  if (!visitor) return deadLink(context);
  const { token, ...own } = visitor;
  const path = `/for/${token}`;
  if (own.visit.person.kind !== 'employee') return seeOther(path);
  return own.visit.trusted ? { ...own, path } : seeOther(`${path}/code`);
}

/** The first press makes a fresh link this device's own. Whether the visitor may go on is for the next page to say. */
export async function bindVisitor(context: Context, visitor: Visitor): Promise<void> {
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

/** After a press: on to a page that only reads, so that reloading repeats nothing. */
export function seeOther(path: string): Response {
  return new Response(null, { status: 303, headers: { Location: path } });
}

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
