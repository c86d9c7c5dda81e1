const SMALL = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

const GROUPED = new Intl.NumberFormat('en-GB');
const AND = new Intl.ListFormat('en-GB', { type: 'conjunction' });
const OR = new Intl.ListFormat('en-GB', { type: 'disjunction' });

/** `1,200`. */
export function grouped(count: number): string {
  return GROUPED.format(count);
}

/** `four` up to ten, figures from eleven on. */
export function countWord(count: number): string {
  return SMALL[count] ?? grouped(count);
}

export function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `1 day`, `3 days`; thousands are grouped. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** `a, b and c`. */
export function listed(parts: readonly string[]): string {
  return AND.format(parts);
}

/** `a, b or c`. */
export function eitherOf(parts: readonly string[]): string {
  return OR.format(parts);
}

/** `m•••@studio.example`: enough to recognise one's own address, too little to learn another's. */
export function maskEmail(address: string): string {
  const at = address.lastIndexOf('@');
  return at < 1 ? '•••' : `${address.charAt(0)}•••${address.slice(at)}`;
}

/** A name as it is compared: however it was spaced, composed or capitalised. */
export function plainName(name: string): string {
  return name.normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase();
}
