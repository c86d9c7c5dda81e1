import type { Role } from '../../db/schema/staff.ts';

/* Who may do what at the desk. Every page and every press of it names one of these in its first line. */

export const MAY = {
  /** Coverage, previews, versions, the guide. */
  look: ['writer', 'owner', 'approver', 'hr', 'operator', 'admin'],
  /** Begin, write and take back a draft; send it to its owner; ask someone independent to confirm. */
  write: ['writer', 'owner'],
  /** Confirm the facts of a draft, number by number: only of what one owns. */
  confirm: ['owner'],
  /** Publish, schedule, send back. Never what one wrote or owns. */
  approve: ['approver'],
  /** People who come back to work: what their pages may show, offers, first weeks. */
  'see returning colleagues': ['hr'],
  /** Keys with which systems send measurements. */
  measure: ['operator', 'admin'],
  /** Add colleagues, change their roles, end their access. */
  'manage staff': ['admin'],
  /** The record of everything that staff did. */
  audit: ['approver', 'admin'],
} as const satisfies Record<string, readonly Role[]>;

export type Doing = keyof typeof MAY;

/** Whether someone with these roles may do this. */
export function may(roles: readonly Role[], doing: Doing): boolean {
  return (MAY[doing] as readonly Role[]).some((role) => roles.includes(role));
}
