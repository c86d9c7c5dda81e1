import type { Offer } from '../proofs/documents.ts';
import { typeset } from '../proofs/looks/sentences.ts';
import type { RejoinCheck } from '../rejoin/check.ts';
import { addDays, dayOf, longDay, nextCharge } from '../shared/dates.ts';
import { formatMoney } from '../shared/money.ts';
import { counted, listed, maskEmail } from '../shared/words.ts';

/* What a person reads before they pay, in rows. Pure: the page hands in what it knows. */

type Row = {
  label: string;
  value: string;
  note?: string | undefined;
  action?: { href: string; label: string; about?: string };
};

/** What they get, and what they pay with. `change` leads to another card; a payer sees no address of the person. */
export function planRows(
  check: RejoinCheck,
  offer: Offer,
  about: { planThen: string | null; change?: string; forPayer?: boolean },
): Row[] {
  const { planThen, forPayer = false } = about;
  const { shown, addOns, way, receiptTo } = check;
  const asBefore = way.kind !== 'start' || planThen === offer.plan;
  const rows: Row[] = [
    {
      label: 'Plan',
      value: `${offer.plan}, ${counted(shown.seats, 'seat')}`,
      note: forPayer ? undefined : asBefore ? 'As when you left' : `You left ${planThen}`,
    },
  ];
  if (addOns.length > 0) {
    const names = addOns.map(({ name, quantity }) => (quantity > 1 ? `${name} (${quantity})` : name));
    rows.push({ label: 'Add-ons', value: listed(names) });
  }
  if (offer.kept.length > 0 && !forPayer) {
    rows.push({ label: 'Kept for you', value: typeset(`${offer.kept.join('. ')}.`) });
  }
  rows.push(cardRow(check, about.change));
  if (receiptTo && !forPayer) rows.push({ label: 'Receipt goes to', value: maskEmail(receiptTo) });
  return rows;
}

function cardRow({ way, card, cardLabel }: RejoinCheck, change: string | undefined): Row {
  const label = 'Pay with';
  if (way.kind === 'resume' || way.kind === 'unpause') {
    return { label, value: 'The card that your plan has', note: 'Nothing is charged today' };
  }
  if (!card) {
    return { label, value: 'A card, a wallet or Link, on Stripe’s page', note: 'You come back here afterwards' };
  }
  return {
    label,
    value: cardLabel,
    note: `Expires ${String(card.expMonth).padStart(2, '0')}/${card.expYear}`,
    ...(change ? { action: { href: change, label: 'Change', about: 'the card' } } : {}),
  };
}

/** Today, then, the day, how to end it. The sum of today is exactly what may be charged. */
export function moneyRows(
  check: RejoinCheck,
  at: { now: Date; timeZone: string; undoDays: number; forPayer?: boolean },
): Row[] {
  const { quote, interval, paidUntil, shown } = check;
  const today = dayOf(at.now, at.timeZone);
  const next = paidUntil ? dayOf(paidUntil, at.timeZone) : nextCharge(today, interval);
  const renewal = formatMoney({ amount: quote.renewal, currency: shown.currency });
  return [
    { label: 'Today', value: todayValue(check), note: partsOf(check) },
    {
      label: 'Then',
      value: `${renewal} every ${interval}, until you cancel`,
      note: `The next time on ${longDay(next)}`,
    },
    {
      label: 'Cancel',
      value: `At any time, in two presses, from the page of ${at.forPayer ? 'their' : 'your'} return`,
    },
    {
      label: 'Full refund',
      value: `Until ${longDay(addDays(today, at.undoDays))}, in two presses from the same page`,
      note: shown.amount === 0 ? 'Of all that you pay from today on' : undefined,
    },
  ];
}

function todayValue({ shown, quote }: RejoinCheck): string {
  if (shown.amount === 0) return 'Nothing';
  const tax = formatMoney({ amount: quote.tax, currency: shown.currency });
  return `${formatMoney(shown)}${quote.tax > 0 ? `, ${tax} of it tax` : ', tax included'}`;
}

/** Where the sum of today is not the price alone, it says of what it is made. */
function partsOf({ quote, shown, way }: RejoinCheck): string | undefined {
  const money = (amount: number) => formatMoney({ amount: Math.abs(amount), currency: shown.currency });
  if (way.kind === 'settle') return 'The invoice that is still open. With it paid, your plan runs on';
  if (way.kind === 'resume' || way.kind === 'unpause') return 'What you had paid for still runs';
  const parts = quote.pending.map(({ what, amount }) => `${amount < 0 ? 'less ' : ''}${money(amount)} for ${what}`);
  if (quote.balance > 0) parts.push(`${money(quote.balance)} owed from before`);
  if (quote.balance < 0) parts.push(`less what we still hold of yours, ${money(quote.balance)}`);
  return parts.length > 0 ? `${money(quote.renewal)} for the plan, ${parts.join(', ')}` : undefined;
}

/** The words on the button: they hold the sum. */
export function payLabel({ shown, way, card }: RejoinCheck): string {
  if (shown.amount === 0) return 'Rejoin and pay nothing today';
  const sum = formatMoney(shown);
  if (!card) return `Go to Stripe and pay ${sum}`;
  return way.kind === 'settle' ? `Pay ${sum} and rejoin` : `Rejoin and pay ${sum}`;
}
