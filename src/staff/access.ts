import type { Role } from '../../db/schema/staff.ts';

/* Who may do what at the desk. Every page and every press of it names one of these in its first line. */

export const MAY = {
  /** Coverage, previews, versions, the guide. */
  look: ['writer', 'owner', 'approver', 'hr', 'operator', 'admin'],
  /** Begin, write and take back a draft; send it to its owner. */
  write: ['writer', 'owner'],
  /** Ask somebody independent whether a proof is so; HR asks former colleagues, whose names nobody else has. */
  'ask a confirmer': ['writer', 'owner', 'hr'],
  /** Confirm the facts of a draft, number by number: only of what one owns. */
  confirm: ['owner'],
  /** Publish, schedule, send back. Never what one wrote or owns. */
  approve: ['approver'],
  /** Bring in other systems' files, and take an import back. */
  import: ['operator', 'admin'],
  /** Link what people told us to an issue, set it aside, open an issue from a group. */
  triage: ['writer', 'owner', 'hr'],
  /** Read what was said in confidence. */
  'hear in confidence': ['hr'],
  /** What people who left told us, and who of them may be invited; employees’ names are for HR, and the owner of what drove them away. */
  'see people': ['writer', 'owner', 'approver', 'hr'],
  /** Write to one person and sign it with one’s own name; employees are HR’s to write to, or the owner’s. */
  sign: ['writer', 'owner', 'hr'],
  /** Say whether two records with one address are one person; employees’ records are HR’s. */
  'decide about doubles': ['owner', 'approver', 'hr'],
  /** Answer a “no”, keep a promise, review a correction: whoever owns it, HR employees’, an approver what is late. */
  answer: ['writer', 'owner', 'approver', 'hr'],
  /** Confirm what became of complaints: whoever owns the issue, HR what employees said. */
  resolve: ['writer', 'owner', 'hr'],
  /** Put invitations over an issue on hold, and lift that again. */
  hold: ['owner', 'approver'],
  /** Let one person be invited although they left too long ago. */
  'override the window': ['approver'],
  /** Choose whom to write to, take the links of a choice as a file, take a choice back; former colleagues are HR’s to choose. */
  choose: ['approver', 'operator', 'hr'],
  /** What outreach achieved, as counts; nobody is named, and no colleague is counted. */
  'see outcomes': ['writer', 'owner', 'approver', 'hr', 'operator', 'admin'],
  /** People who come back to work: what their pages may show, offers, first weeks. */
  'see returning colleagues': ['hr'],
  /** Keys with which systems send measurements. */
  measure: ['operator', 'admin'],
  /** What became of letters, and whether one in doubt goes once more; never what stands in them. */
  'look after sending': ['operator', 'admin'],
  /** Add colleagues, change their roles, end their access. */
  'manage staff': ['admin'],
  /** The record of everything that staff did. */
  audit: ['approver', 'admin'],
} as const satisfies Record<string, readonly Role[]>;

export type Doing = keyof typeof MAY;

/** The same in words, for whoever gives or is given a role. */
export const ROLE_DOES: Record<Role, string> = {
  writer: 'writes proofs, issues and every other document',
  owner: 'answers for issues, may write too, and alone confirms the facts of what they own',
  approver: 'publishes what neither they wrote nor they own, chooses whom to write to, and reads the record',
  hr: 'looks after employees’ records and their way back',
  operator:
    'brings in people’s files, takes links as files, looks after sending, and makes keys for systems that measure',
  admin: 'decides who may use the desk; also brings in files, looks after sending, makes keys and reads the record',
};

/** Whether someone with these roles may do this. */
export function may(roles: readonly Role[], doing: Doing): boolean {
  return (MAY[doing] as readonly Role[]).some((role) => roles.includes(role));
}
