import { isConcerned } from '../people/concerns.ts';
import type { Person } from '../people/diagnosis.ts';
import type { Member } from './colleagues.ts';

/* Who here may read what about whom. */

export type Viewer = Pick<Member, 'id' | 'roles'> & { name?: string };

/**
 * Who left us as an employee is known by name to HR alone, and to whoever owns what drove them away, who owes them an answer. What
 * they said is known to nobody whom it concerns (`concerns`), HR or not.
 */
export function mayKnow(
  who: Viewer,
  kind: Person['kind'],
  owner: string | null,
  concerns: string | null = null,
): boolean {
  if (isConcerned(concerns, { id: who.id, name: who.name ?? '' })) return false;
  return kind === 'customer' || who.roles.includes('hr') || who.id === owner;
}

export function fullName({ firstName, lastName }: Pick<Person, 'firstName' | 'lastName'>): string {
  return [firstName, lastName].filter(Boolean).join(' ') || 'Somebody without a name';
}
