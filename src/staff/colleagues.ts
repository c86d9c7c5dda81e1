import { asc, eq, isNull } from 'drizzle-orm';
import { z } from 'zod';
import type { Reader, Tx } from '../../db/client.ts';
import { ROLES, type Role, staff } from '../../db/schema/staff.ts';
import { oneLine } from '../invitations/sign.ts';
import { publishedOthers } from '../proofs/published.ts';
import { sameName } from '../proofs/state.ts';
import { endSessionsOf } from '../sessions/staff.ts';
import { newId } from '../shared/ids.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { listed } from '../shared/words.ts';
import { type Doing, may } from './access.ts';
import { record } from './audit.ts';
import { writeToStaff } from './letters.ts';

/* Who works here and what they may do. `by` is whoever does it; null: a command on the machine itself. */

export type Member = typeof staff.$inferSelect;

export type NewColleague = {
  /** How documents name them. Made from the name when it is left out. */
  id?: string;
  name: string;
  title: string;
  address: string;
  roles: readonly string[];
};

/** Everyone, those who left included, in the order of their names. */
export async function colleagues(reader: Reader): Promise<Member[]> {
  return reader.select().from(staff).orderBy(asc(staff.name), asc(staff.id));
}

/** Those who may do this now. */
export async function colleaguesWho(reader: Reader, doing: Doing): Promise<Member[]> {
  return (await colleagues(reader)).filter((member) => mayHere(member, doing));
}

/** Whether somebody works here and may do this. */
export function mayHere(member: Member | null, doing: Doing): boolean {
  return member?.leftAt === null && may(member.roles, doing);
}

export async function colleagueOf(reader: Reader, id: string): Promise<Member | null> {
  const [member] = await reader.select().from(staff).where(eq(staff.id, id));
  return member ?? null;
}

/** Whom a document may name as its owner: who may confirm its facts now, and whoever it names already. */
export async function ownersToPick(
  reader: Reader,
  people: Readonly<Record<string, { name: string }>>,
  named: string | undefined,
): Promise<{ id: string; name: string }[]> {
  const owning = (await colleaguesWho(reader, 'confirm')).map(({ id }) => id);
  return Object.entries(people)
    .filter(([id]) => owning.includes(id) || id === named)
    .map(([id, { name }]) => ({ id, name }));
}

/** Gives somebody a place at the desk. Refuses what would leave them without a name, an address or a role of their own. */
export async function addColleague(
  tx: Tx,
  by: string | null,
  { name, title, address, roles: wanted, id: wantedId }: NewColleague,
  now: Date,
): Promise<Member | Refusal> {
  const roles = rolesOf(wanted);
  if (isRefusal(roles)) return roles;
  const told = { name: oneLine(name), title: oneLine(title), address: address.trim().toLowerCase() };
  // As the check of documents has it: whoever has a place here may be named in one.
  if (
    !/\S\s+\S/.test(told.name) ||
    told.name.length > 80 ||
    /\b(team|support|desk|department|office)\b/i.test(told.name)
  ) {
    return refuse('name', 'Type the first and last name of one person. Nobody can ask a team what it promised.');
  }
  const untold = wrongTitle(told.title);
  if (untold) return untold;
  if (!z.email().max(254).safeParse(told.address).success) {
    return refuse('address', 'Type their whole address, for example name@example.org. Their codes go there.');
  }
  const everyone = await colleagues(tx);
  const known = everyone.find((member) => member.address === told.address);
  if (known) {
    return refuse(
      'address',
      known.leftAt === null
        ? `${known.name} has that address already.`
        : `${known.name} had that address and left. Give them roles again instead.`,
    );
  }
  // Documents may name people without a place here: nobody gets somebody else's short id, and with it their name.
  const named = (await publishedOthers(tx, 'site')).site?.people ?? {};
  const taken = new Set([
    ...everyone.map((member) => member.id),
    ...Object.keys(named).filter((one) => !sameName(named[one]!.name, told.name)),
  ]);
  const id = wantedId ?? freeId(told.name, taken);
  if (!/^[a-z][a-z0-9-]{0,39}$/.test(id)) {
    return refuse('id', 'The short id is small letters, digits and hyphens, and begins with a letter.');
  }
  if (taken.has(id)) return refuse('id', `“${id}” is somebody else’s short id.`);
  const member = { id, ...told, roles, addedAt: now.getTime(), addedBy: by, leftAt: null };
  await tx.insert(staff).values(member);
  await record(tx, { by, action: 'added', subject: `staff:${id}`, detail: { roles: roles.join(', ') } }, now);
  await tellOthers(tx, by, member, now);
  await tellThem(tx, by, member, now);
  return member;
}

/** Changes what somebody may do; somebody who left is back with it. Refuses to take the last admin away. */
export async function changeRoles(
  tx: Tx,
  by: string | null,
  id: string,
  wanted: readonly string[],
  now: Date,
): Promise<true | Refusal> {
  const roles = rolesOf(wanted);
  if (isRefusal(roles)) return roles;
  const member = await memberOf(tx, id);
  if (isRefusal(member)) return member;
  if (!roles.includes('admin') && (await isLastAdmin(tx, member))) return lastAdmin(member);
  if (member.leftAt === null && roles.join() === member.roles.join()) return true;
  await tx.update(staff).set({ roles, leftAt: null }).where(eq(staff.id, id));
  const action = member.leftAt === null ? 'changed roles' : 'let back in';
  const detail = { from: member.leftAt === null ? member.roles.join(', ') : '', to: roles.join(', ') };
  await record(tx, { by, action, subject: `staff:${id}`, detail }, now);
  const changed = { ...member, roles, leftAt: null };
  await tellOthers(tx, by, changed, now);
  await tellThem(tx, by, changed, now);
  return true;
}

/** Changes how pages say what somebody does here. Versions that are published say it from then on too. */
export async function changeTitle(
  tx: Tx,
  by: string | null,
  id: string,
  wanted: string,
  now: Date,
): Promise<true | Refusal> {
  const title = oneLine(wanted);
  const untold = wrongTitle(title);
  if (untold) return untold;
  const member = await memberOf(tx, id);
  if (isRefusal(member)) return member;
  if (title === member.title) return true;
  await tx.update(staff).set({ title }).where(eq(staff.id, id));
  await record(tx, { by, action: 'changed the title', subject: `staff:${id}` }, now);
  return true;
}

/** Ends somebody's signing in, at once and everywhere. What they wrote and approved stays theirs. */
export async function endAccess(tx: Tx, by: string | null, id: string, now: Date): Promise<true | Refusal> {
  const member = await memberOf(tx, id);
  if (isRefusal(member)) return member;
  if (member.leftAt !== null) return true;
  if (await isLastAdmin(tx, member)) return lastAdmin(member);
  await tx.update(staff).set({ leftAt: now.getTime() }).where(eq(staff.id, id));
  await endSessionsOf(tx, id);
  await record(tx, { by, action: 'ended access', subject: `staff:${id}` }, now);
  return true;
}

/**
 * Whoever publishes, or decides who may use the desk, hears of each place that a colleague gave: an admin who invents a second
 * person could otherwise publish alone, and nobody would know.
 */
async function tellOthers(tx: Tx, by: string | null, member: Member, now: Date): Promise<void> {
  if (by === null) return;
  const everyone = await colleagues(tx);
  const to = everyone.filter(({ id, roles }) => id !== by && id !== member.id && may(roles, 'audit'));
  const slots = {
    by: everyone.find(({ id }) => id === by)?.name ?? by,
    colleague: member.name,
    roles: listed(member.roles.map((role) => (role === 'hr' ? 'HR' : role))),
  };
  const path = `/staff/log?${new URLSearchParams({ subject: `staff:${member.id}` })}`;
  await writeToStaff(tx, { letter: 'place-changed', cause: newId(), to, path, slots }, now);
}

/** Tells whoever got a place, or other roles, what they may do now and where it begins. What a command did, its reader tells them. */
async function tellThem(tx: Tx, by: string | null, member: Member, now: Date): Promise<void> {
  if (by === null || by === member.id) return;
  const everyone = await colleagues(tx);
  const slots = {
    by: everyone.find(({ id }) => id === by)?.name ?? by,
    roles: member.roles.map((role) => `- ${AS[role]}`).join('\n'),
  };
  await writeToStaff(tx, { letter: 'your-place', cause: newId(), to: [member], path: '/staff/guide', slots }, now);
}

/** What each role is for, as its letter says it. */
const AS: Record<Role, string> = {
  writer: 'As a writer you write proofs, issues and every other document. Coverage names the next thing to write.',
  owner:
    'As an owner you answer for issues, and confirm what is said about them, number by number. A letter says when.',
  approver: 'As an approver you publish what others wrote and confirmed. A letter says when.',
  hr: 'As HR you look after employees’ records.',
  operator: 'As an operator you make the keys with which systems send measurements.',
  admin: 'As an admin you decide who may use the desk.',
};

function wrongTitle(title: string): Refusal | null {
  return title.length < 2 || title.length > 80 ? refuse('title', 'Say what they do here, as pages will say it.') : null;
}

async function memberOf(tx: Tx, id: string): Promise<Member | Refusal> {
  return (await colleagueOf(tx, id)) ?? refuse('unknown', `Nobody here has the short id “${id}”.`);
}

async function isLastAdmin(tx: Tx, member: Member): Promise<boolean> {
  const working = await tx.select().from(staff).where(isNull(staff.leftAt));
  const admins = working.filter(({ roles }) => roles.includes('admin'));
  return admins.length === 1 && admins[0]!.id === member.id;
}

function lastAdmin({ name }: Member): Refusal {
  return refuse('last-admin', `${name} is the only admin left. Make somebody else an admin first.`);
}

function rolesOf(wanted: readonly string[]): Role[] | Refusal {
  const stranger = wanted.find((role) => !(ROLES as readonly string[]).includes(role));
  if (stranger !== undefined)
    return refuse('roles', `There is no role “${stranger}”. The roles are ${listed([...ROLES])}.`);
  if (wanted.length === 0) return refuse('roles', 'Choose at least one role.');
  return ROLES.filter((role) => wanted.includes(role));
}

/** `grace`, or with a second Grace `grace-adeyemi`, or `grace-adeyemi-2`. */
function freeId(name: string, taken: ReadonlySet<string>): string {
  const words = name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim()
    .replace(/^[0-9 ]+/, '')
    .split(' ');
  const whole = words.join('-').slice(0, 36) || 'colleague';
  const free = (id: string) => !taken.has(id);
  if (words[0] && free(words[0].slice(0, 36))) return words[0].slice(0, 36);
  for (let count = 1; ; count += 1) {
    const id = count === 1 ? whole : `${whole}-${count}`;
    if (free(id)) return id;
  }
}
