import type { Cell, Held } from '../people/export.ts';
import type { Site } from '../proofs/documents.ts';
import { isDay, longDay } from '../shared/dates.ts';
import { capitalise } from '../shared/words.ts';

/* Rows of our tables, said so that a person can read them. The download has every column; here, those that say something. */

/** Ids that only mean something to our own database. */
const OURS =
  /^(id|personId|departureId|complaintId|checkinId|rejoinId|roleOfferId|offerId|roleHash|contentHash|reopeningId|letterId|report|batchId|importId|emailNorm|mint|leasedUntil|notBefore|handedAt|attempts|cause|offerHash|followUpOf)$/;

const LABELS: Record<string, string> = {
  externalId: 'Number in that system',
  billingId: 'Number at the payment provider',
  subscriptionId: 'Subscription at the payment provider',
  facts: 'As it came',
  planOrRole: 'Plan or role',
  ref: 'Known as',
  main: 'What made you leave',
  namesOthers: 'Names someone else',
  publicConsent: 'May be quoted in public',
  issueId: 'About',
  right: 'We had it right',
  toAddress: 'To',
  fromName: 'From',
  body: 'Text',
  heldBecause: 'Not sent, because',
  doubtfulAt: 'Not certain to have been sent',
  serverSaid: 'The mail server’s answer',
  joinedPrecision: 'First day is exact to the',
  precision: 'Last day is exact to the',
  happenedOn: 'Day',
  saidOn: 'Day you said it',
  releasedAt: 'Released for your page',
  at: 'When',
  steppedUpAt: 'Code typed',
  neverContact: 'Never to be written to, because',
  triesLeft: 'Tries left',
};

/** One entry a row: label and value, without what is empty or only ours. */
export function sentencesOf({ rows }: Held, site: Site): { label: string; value: string }[][] {
  return rows.map((row) =>
    Object.entries(row).flatMap(([name, cell]) => {
      if (OURS.test(name)) return [];
      const value = said(name, cell, row, site);
      return value === null ? [] : [{ label: LABELS[name] ?? labelOf(name), value }];
    }),
  );
}

/** `saidOn` → “Said on”. */
function labelOf(name: string): string {
  return capitalise(name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace(/ (at|id)$/, ''));
}

function said(name: string, cell: Cell, row: Held['rows'][number], site: Site): string | null {
  if (cell === null || cell === '') return null;
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no';
  if (typeof cell === 'object') {
    const facts = Object.entries(cell).map(([key, value]) => `${key}: ${String(value)}`);
    return facts.length === 0 ? null : facts.join('; ');
  }
  if (name === 'amount' || name === 'refundedAmount') {
    return `${cell} in the smallest unit${row['currency'] ? ` of ${String(row['currency']).toUpperCase()}` : ''}`;
  }
  const text = String(cell);
  if (site.people[text]) return site.people[text].name;
  if (isDay(text)) return longDay(text);
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text)) return moment(text, site.time_zone);
  return text;
}

function moment(iso: string, timeZone: string): string {
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone }).format(new Date(iso));
}
