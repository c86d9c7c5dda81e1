import { type Day, isTimeZone, longDay } from '../../shared/dates.ts';
import { maskEmail } from '../../shared/words.ts';
import { isBefore, type ReadDay, readDay } from './dates.ts';

/* From the text of a cell to a value: each of these answers the value, or what is wrong with the text and what to do about it. */

export type Wrong = { wrong: string };

const wrong = (sentence: string): Wrong => ({ wrong: sentence });

export function isWrong(value: unknown): value is Wrong {
  return typeof value === 'object' && value !== null && 'wrong' in value;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const ROUNDED = /^\d([.,]\d+)?E\+\d+$/i;
const MASKED = /[*•#]{2,}|^x{3,}$/i;
const PLACEHOLDER = /\{\s*[A-Za-z][A-Za-z0-9_.:\- ]*\s*\}/g;

/** Any text. Only a long one may have lines. */
export function asText(text: string, isLong = false): string | Wrong {
  const longest = isLong ? 20_000 : 200;
  if (text.length > longest) return wrong(`This is longer than ${longest} characters.`);
  if (!isLong && CONTROL.test(text)) {
    return wrong('This holds a line break, a tab or a control character. Take it out.');
  }
  if (text.includes('\ufffd')) {
    return wrong('A letter in this was lost before it reached us: it holds “\ufffd”. Export it again, or mend it.');
  }
  // `{first_name}`, left open by a template. `{XXXX}` is a mask and stands for something that was there.
  const slot = text.includes('{') && text.match(PLACEHOLDER)?.find((slot) => !slot.includes('XX'));
  return slot
    ? wrong(`This holds ${quoted(slot)}, a placeholder that nobody filled in. Mend it, or leave it blank.`)
    : text;
}

/** An id by which a record is found again: not rounded, not masked. */
export function asId(text: string): string | Wrong {
  if (ROUNDED.test(text)) {
    return wrong('A spreadsheet has rounded this id. Export the file again and don’t open it before the import.');
  }
  return MASKED.test(text) ? wrong('This id is masked, so that several records would be taken for one.') : text;
}

export function asName(text: string): string | Wrong {
  return /^[X*•]{3,}$/.test(text) ? wrong('This name is masked. Leave it blank.') : text.replace(/\s+/g, ' ');
}

export function asAddress(text: string): string | Wrong {
  if (MASKED.test(text) || /^x{2,}@/i.test(text)) return wrong('This address is masked. Leave it blank.');
  return isAddress(text) ? text : wrong(`${quoted(maskEmail(text))} is no e-mail address. Mend it, or leave it blank.`);
}

export function asTimeZone(text: string): string | Wrong {
  return isTimeZone(text) ? text : wrong(`${quoted(text)} is no time zone. Write one such as Europe/London.`);
}

export function asIssue(text: string): string | Wrong {
  return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text)
    ? text
    : wrong('An issue is named by its file: lower-case words with hyphens, such as exports-failed.');
}

export function asYes(text: string): boolean | Wrong {
  const value = text.toLowerCase();
  if (['yes', 'y', 'true', '1'].includes(value)) return true;
  return ['no', 'n', 'false', '0'].includes(value) ? false : wrong('Write yes or no, or leave it blank.');
}

export function asCount(text: string): number | Wrong {
  return /^\d{1,7}$/.test(text) ? Number(text) : wrong('Write a whole number without a sign or separators.');
}

export function asNumber(text: string): number | Wrong {
  const value = Number(text);
  return Number.isNaN(value) ? wrong(`${quoted(text)} is no number.`) : value;
}

/** One of a few words, however it is capitalised. */
export function oneOf<const Values extends readonly string[]>(...values: Values) {
  return (text: string): Values[number] | Wrong => {
    const lower = text.toLowerCase();
    return values.find((known) => known === lower) ?? wrong(`${quoted(text)} is none of: ${values.join(', ')}.`);
  };
}

/** A day that is not still to come. Days recur: each text is read once. */
export function asDay(formats: readonly string[], today: Day): (text: string) => ReadDay | Wrong {
  const known = new Map<string, ReadDay | Wrong>();
  function past(text: string): ReadDay | Wrong {
    const read = readDay(text, formats);
    if (typeof read === 'string') return wrong(read);
    return isBefore({ day: today, precision: 'day' }, read)
      ? wrong(`${longDay(read.day)} is still to come. Import this row when it is past.`)
      : read;
  }
  return (text) => {
    const found = known.get(text) ?? past(text);
    if (known.size > 5000) known.clear();
    known.set(text, found);
    return found;
  };
}

/** The same, where only the whole day will do. */
export function asWholeDay(formats: readonly string[], today: Day): (text: string) => Day | Wrong {
  const read = asDay(formats, today);
  return (text) => {
    const found = read(text);
    if (isWrong(found)) return found;
    if (found.precision === 'day') return found.day;
    return wrong('This needs the whole day. Write it as 2026-03-09, or leave it blank.');
  };
}

export const NO_CURRENCY = 'An amount needs its currency: three letters such as GBP or EUR.';
const CURRENCIES = new Set(Intl.supportedValuesOf('currency').map((code) => code.toLowerCase()));

export function asCurrency(text: string): string | Wrong {
  const code = text.toLowerCase();
  return CURRENCIES.has(code) ? code : wrong(NO_CURRENCY);
}

/** As everywhere in Amends an amount is in minor units. One with a decimal point can only be meant in whole ones. */
export function asAmount(text: string, currency: string): number | Wrong {
  const digits = minorDigits(currency);
  const [whole = '', minor] = text.split('.');
  if (/^\d{1,9}(\.\d+)?$/.test(text) && (minor === undefined || minor.length === digits)) {
    return Number(whole + (minor ?? ''));
  }
  const example = digits === 0 ? '4800' : '4800 or 48.00';
  return wrong(`Write the amount in the smallest unit, without signs or separators: ${example}.`);
}

const digitsOf = new Map<string, number>();
function minorDigits(currency: string): number {
  const format = () => new Intl.NumberFormat('en-GB', { style: 'currency', currency }).resolvedOptions();
  const digits = digitsOf.get(currency) ?? format().maximumFractionDigits ?? 2;
  digitsOf.set(currency, digits);
  return digits;
}

const PLAIN_ADDRESS = /^[a-z0-9_+-]+(\.[a-z0-9_+-]+)*@([a-z0-9]+(-+[a-z0-9]+)*\.)+[a-z]{2,24}$/i;

/**
 * What a letter can be sent to: a name and a domain with a dot, as the standards allow them without quotes, comments and bare numbers.
 * Letters beyond ASCII are allowed in both.
 */
export function isAddress(text: string): boolean {
  if (text.length < 65 && PLAIN_ADDRESS.test(text)) return true;
  if (text.length > 254 || /[\p{Cc}\p{Cf}]/u.test(text)) return false;
  const [local = '', domain = '', ...more] = text.split('@');
  if (more.length > 0 || local.length > 64) return false;
  const labels = domain.split('.');
  return (
    local.split('.').every((part) => /^[^\s"(),:;<>[\]\\]+$/.test(part)) &&
    labels.length > 1 &&
    labels.every((label) => /^[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?$/u.test(label)) &&
    /[^\d]/.test(labels.at(-1)!)
  );
}

/** As a report may show it: at most forty letters, on one line. */
export function short(text: string): string {
  const line = text.replace(/\p{Cc}/gu, '·');
  return line.length > 40 ? `${line.slice(0, 40)}…` : line;
}

export function quoted(text: string): string {
  return `“${short(text)}”`;
}
