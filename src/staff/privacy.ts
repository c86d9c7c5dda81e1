import type { Person } from '../people/diagnosis.ts';
import type { Member } from './colleagues.ts';

/* Who here may read what about whom. */

export type Viewer = Pick<Member, 'id' | 'roles'>;

/** Who left us as an employee is known by name to HR alone, and to whoever owns what drove them away, who owes them an answer. */
export function mayKnow(who: Viewer, kind: Person['kind'], owner: string | null): boolean {
  return kind === 'customer' || who.roles.includes('hr') || who.id === owner;
}

export function fullName({ firstName, lastName }: Pick<Person, 'firstName' | 'lastName'>): string {
  return [firstName, lastName].filter(Boolean).join(' ') || 'Somebody without a name';
}
