import { type Day, isDay, longDay } from '../../shared/dates.ts';
import { eitherOf } from '../../shared/words.ts';

export type Precision = 'day' | 'month' | 'year';

/** A day of which only `precision` is known; the rest is filled in with 01. */
export type ReadDay = { day: Day; precision: Precision };

type Format = { pattern: RegExp; parts: string[] };

const PART: Record<string, string> = {
  YYYY: '(\\d{4})',
  MM: '(\\d{2})',
  M: '(\\d{1,2})',
  DD: '(\\d{2})',
  D: '(\\d{1,2})',
  HH: '\\d{2}',
  H: '\\d{1,2}',
  mm: '\\d{2}',
  ss: '\\d{2}',
  SSS: '\\d{1,9}',
  AM: '[AaPp][Mm]',
};
const TOKEN = /YYYY|MM|M|DD|D|HH|H|mm|ss|SSS|AM|[^A-Za-z]+|[TZ]|UTC/y;
/** Seconds since 1970, as APIs give them; the day is the one in UTC. */
const UNIX = 'unix';
const compiled = new Map<string, Format | null>();

/** Null when the text is no date format: made of YYYY, MM or M, DD or D, HH or H, mm, ss, SSS, AM and what stands between. */
export function dateFormat(text: string): Format | null {
  const known = compiled.get(text);
  if (known !== undefined) return known;
  const format = compile(text);
  compiled.set(text, format);
  return format;
}

function compile(text: string): Format | null {
  if (text === UNIX) return { pattern: /^(\d{9,11})$/, parts: [UNIX] };
  const parts: string[] = [];
  let pattern = '';
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined) return null;
    const part = PART[token];
    pattern += part ?? token.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
    if (part?.startsWith('(')) parts.push(token.charAt(0));
  }
  const once = new Set(parts).size === parts.length;
  if (!once || !parts.includes('Y') || (parts.includes('D') && !parts.includes('M'))) return null;
  return { pattern: new RegExp(`^${pattern}$`), parts };
}

/**
 * Reads a date by whichever of the formats fits. A sentence when none does, when the day isn't in the calendar, or when two
 * formats fit and mean different days.
 */
export function readDay(text: string, formats: readonly string[]): ReadDay | string {
  const found = new Map<string, ReadDay>();
  let fits = false;
  for (const name of formats) {
    const format = dateFormat(name);
    const match = format?.pattern.exec(text);
    if (!format || !match) continue;
    fits = true;
    const read = asDay(format, match);
    if (read) found.set(`${read.day} ${read.precision}`, read);
  }
  const [first, second] = found.values();
  if (first && second) {
    return `“${short(text)}” could be ${longDay(first.day)} or ${longDay(second.day)}. Write the day as ${first.day} or ${second.day}.`;
  }
  if (first) return first;
  return fits
    ? `“${short(text)}” is not a day in the calendar.`
    : `“${short(text)}” is not a date we can read. It should look like ${eitherOf(formats)}.`;
}

function asDay(format: Format, match: RegExpExecArray): ReadDay | null {
  if (format.parts[0] === UNIX) {
    return { day: new Date(Number(match[1]) * 1000).toISOString().slice(0, 10), precision: 'day' };
  }
  const value = (part: string) => {
    const at = format.parts.indexOf(part);
    return at < 0 ? null : match[at + 1]!.padStart(2, '0');
  };
  const [year, month, date] = [value('Y')!, value('M'), value('D')];
  const day = `${year}-${month ?? '01'}-${date ?? '01'}`;
  if (!isDay(day) || year < '1900') return null;
  return { day, precision: date ? 'day' : month ? 'month' : 'year' };
}

/** Whether the first lies before the second beyond doubt, as far as both are known. */
export function isBefore(first: ReadDay, second: ReadDay): boolean {
  const length = Math.min(knownPart(first).length, knownPart(second).length);
  return first.day.slice(0, length) < second.day.slice(0, length);
}

/** `2025`, `2025-03` or the whole day: what is known of it. */
export function knownPart({ day, precision }: ReadDay): string {
  return day.slice(0, precision === 'year' ? 4 : precision === 'month' ? 7 : 10);
}

function short(text: string): string {
  return text.length > 30 ? `${text.slice(0, 30)}…` : text;
}
