/** An amount in minor units (pence, cents) of a lower-case ISO currency. */
export type Money = { amount: number; currency: string };

/** Making one costs more than all the rest of a page's figures. */
const formats = new Map<string, Intl.NumberFormat>();

/** `£48.00`. Currencies without minor units are shown without them. */
export function formatMoney({ amount, currency }: Money): string {
  const format =
    formats.get(currency) ?? new Intl.NumberFormat('en-GB', { style: 'currency', currency: currency.toUpperCase() });
  formats.set(currency, format);
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(amount / 10 ** digits);
}
