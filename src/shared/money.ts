/** An amount in minor units (pence, cents) of a lower-case ISO currency. */
export type Money = { amount: number; currency: string };

/** `£48.00`. Currencies without minor units are shown without them. */
export function formatMoney({ amount, currency }: Money): string {
  const format = new Intl.NumberFormat('en-GB', { style: 'currency', currency: currency.toUpperCase() });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(amount / 10 ** digits);
}
