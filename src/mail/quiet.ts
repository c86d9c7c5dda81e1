import { addDays, clockAt, dayOf, instantAt } from '../shared/dates.ts';

/** Clock times, `HH:MM`: from one, to the other on the same day or the next. */
export type QuietHours = { from: string; to: string };

/** When the quiet hours that this instant lies in are over where the person lives, or null when it lies in none. */
export function quietUntil(now: Date, hours: QuietHours, timeZone: string): Date | null {
  const { from, to } = hours;
  const clock = clockAt(now, timeZone);
  const today = dayOf(now, timeZone);
  const overnight = from > to;
  const quiet = overnight ? clock >= from || clock < to : clock >= from && clock < to;
  if (!quiet) return null;
  const end = instantAt(overnight && clock >= from ? addDays(today, 1) : today, to, timeZone);
  return end && end > now ? end : null;
}
