/* What the kind of a letter means for when and how it leaves. A kind that is in no list leaves at once, and by itself. */

/** Nobody waits for these: they keep out of people’s nights, and let every other letter go first. */
export const CAN_WAIT = ['invitation', 'checkin', 'fixed', 'came-back', 'something-new', 'checkin-work', 'left-again'];

/** What was paid or signed, or won’t be: sent however late it is. */
export const RECEIPTS = ['back', 'kept', 'cancelled', 'undone', 'paid-twice', 'role-accepted', 'role-withdrawn'];

/** Written by a person to one person; all others say that no person pressed “send” (RFC 3834). */
export const BY_HAND = ['invitation', 'owner-answer'];

/** What they hold is a code to type: it stands out. */
export const CODES = ['code', 'new-address', 'staff-code'];
