/* A formatter takes longer to make than to use a hundred times, and some 30 KB outside the heap: each is made once. */
const LONG = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'long', year: 'numeric' });
const SHORT = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'long' });
const daysIn = new Map<string, Intl.DateTimeFormat>();

/** A calendar day, `YYYY-MM-DD`. */
export type Day = string;

export const DAY_MS = 86_400_000;

export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

/** The calendar day at this instant, in the time zone named (IANA). */
export function dayOf(instant: Date | number, timeZone = 'UTC'): Day {
  let format = daysIn.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
    daysIn.set(timeZone, format);
  }
  return format.format(instant);
}

export function addDays(day: Day, days: number): Day {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** The same day so many months later; the last day of a shorter month. */
export function addMonths(day: Day, months: number): Day {
  const [year, month, date] = day.split('-').map(Number) as [number, number, number];
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 + months, Math.min(date, last))).toISOString().slice(0, 10);
}

/** Whole days from one day to another; negative when `to` is earlier. */
export function daysBetween(from: Day, to: Day): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY_MS);
}

/** The day that is `count` working days after `day`: Monday to Friday, and none of the holidays. */
export function addWorkingDays(day: Day, count: number, holidays: readonly Day[] = []): Day {
  let reached = day;
  for (let left = count; left > 0; ) {
    reached = addDays(reached, 1);
    const weekday = new Date(`${reached}T00:00:00Z`).getUTCDay();
    if (weekday !== 0 && weekday !== 6 && !holidays.includes(reached)) left -= 1;
  }
  return reached;
}

/** This day, or the first one after it that is no holiday. */
export function notOnHoliday(day: Day, holidays: readonly Day[]): Day {
  return holidays.includes(day) ? notOnHoliday(addDays(day, 1), holidays) : day;
}

/** Whether there is such a time zone. Zones recur: one that there is, is looked up once. */
export function isTimeZone(text: string): boolean {
  if (zones.has(text)) return true;
  try {
    new Intl.DateTimeFormat('en-CA', { timeZone: text });
  } catch {
    return false;
  }
  zones.add(text);
  return true;
}

const zones = new Set<string>();

/** A time zone that can be reckoned with: this one, or `otherwise` when nobody knows it. */
export function zoneOr(zone: string | null, otherwise: string): string {
  return zone !== null && isTimeZone(zone) ? zone : otherwise;
}

/** `2 June 2026`. */
export function longDay(day: Day): string {
  return LONG.format(Date.parse(`${day}T00:00:00Z`));
}

/** `2 June`. */
export function shortDay(day: Day): string {
  return SHORT.format(Date.parse(`${day}T00:00:00Z`));
}

/** The same day of the next month or year; the last day of a shorter month. */
export function nextCharge(day: Day, interval: string): Day {
  const [year, month, date] = day.split('-').map(Number) as [number, number, number];
  const target = interval === 'year' ? [year + 1, month] : month === 12 ? [year + 1, 1] : [year, month + 1];
  const last = new Date(Date.UTC(target[0]!, target[1]!, 0)).getUTCDate();
  return `${target[0]}-${String(target[1]).padStart(2, '0')}-${String(Math.min(date, last)).padStart(2, '0')}`;
}

/**
 * The instant at which clocks in this time zone show this day and time (`HH:MM`). In the hour that a clock skips in spring it is
 * as much later; of the hour that comes twice in autumn, the first. Null for what is no day or no time.
 */
export function instantAt(day: Day, time: string, timeZone: string): Date | null {
  if (!isDay(day) || !/^([01]\d|2[0-3]):[0-5]\d$/.test(time)) return null;
  const wanted = Date.parse(`${day}T${time}:00Z`);
  const shownAt = (at: number) => Date.parse(`${dayOf(at, timeZone)}T${clockAt(at, timeZone)}:00Z`);
  // The zone's distance from UTC on either side of any change near this time.
  const [before, after] = [-DAY_MS, DAY_MS].map((away) => shownAt(wanted + away) - (wanted + away));
  const fits = [wanted - before!, wanted - after!].filter((at) => shownAt(at) === wanted);
  return new Date(fits.length > 0 ? Math.min(...fits) : wanted - before!);
}

/** `09:30`, as clocks in this time zone show it. */
export function clockAt(instant: Date | number, timeZone: string): string {
  return new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(
    instant,
  );
}

/** `3 May 2026 at 09:00`. */
export function momentAt(instant: Date | number, timeZone: string): string {
  return `${longDay(dayOf(instant, timeZone))} at ${clockAt(instant, timeZone)}`;
}
