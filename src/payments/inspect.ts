import Stripe from 'stripe';
import { prices } from './reading.ts';
import { openStripe, type PaymentsOptions } from './stripe.ts';
import { API_VERSION } from './version.ts';

/** One thing that was looked at. Where it is not `ok`, `sentence` says what to do. */
export type Finding = { about: string; verdict: 'ok' | 'warning' | 'wrong'; sentence: string };

export type Expected = { id: string; lookupKey: string; amount: number; currency: string; interval: string };

/** Events without which a return would not be seen, or seen late. */
const NEEDED_EVENTS = [
  'checkout.session.completed',
  'checkout.session.expired',
  'customer.subscription.created',
  'customer.subscription.updated',
  'customer.subscription.deleted',
  'invoice.paid',
  'invoice.payment_failed',
];

/** Looks at everything that has to be right before anybody pays. Reads only. */
export async function inspectStripe(
  options: PaymentsOptions & { siteUrl: string },
  offers: Expected[],
): Promise<Finding[]> {
  const found: Finding[] = [];
  const say = (about: string, verdict: Finding['verdict'], sentence: string) =>
    found.push({ about, verdict, sentence });
  const { secretKey, webhookSecret, apiBase, siteUrl } = options;

  if (!webhookSecret.startsWith('whsec_')) {
    say(
      'webhook secret',
      'wrong',
      'STRIPE_WEBHOOK_SECRET should begin with whsec_. Copy it from the endpoint at Stripe.',
    );
  } else if (!apiBase && webhookSecret === 'whsec_sandbox') {
    say(
      'webhook secret',
      'wrong',
      'STRIPE_WEBHOOK_SECRET is the sandbox’s. Copy the one of your endpoint from Stripe.',
    );
  } else say('webhook secret', 'ok', 'It has the form of one. Whether it is the right one shows with the first event.');

  let stripe: Stripe;
  try {
    stripe = openStripe(options);
  } catch (error) {
    say('key', 'wrong', `${error instanceof Error ? error.message : error} Set STRIPE_SECRET_KEY.`);
    return found;
  }
  const mode = /_live_/.test(secretKey) ? 'live' : 'test';
  let known: Awaited<ReturnType<typeof prices>>;
  try {
    known = await prices(
      stripe,
      offers.map(({ lookupKey }) => lookupKey),
    );
  } catch (error) {
    say('key', 'wrong', whyNot(error));
    return found;
  }
  say('key', 'ok', `Stripe takes this ${mode} key${apiBase ? `, at ${apiBase}` : ''}.`);
  say('API version', 'ok', `We speak ${API_VERSION}, whatever your account’s default is.`);

  for (const offer of offers) found.push(offerFinding(offer, known));

  if (!apiBase) await endpoint(stripe, new URL('/hooks/stripe', siteUrl).href, say);
  else say('webhook endpoint', 'ok', 'The sandbox delivers to the site that started it.');
  return found;
}

function whyNot(error: unknown): string {
  if (error instanceof Stripe.errors.StripeAuthenticationError) {
    return 'Stripe does not know this key. Copy it again from Developers, API keys.';
  }
  if (error instanceof Stripe.errors.StripePermissionError) {
    return 'This restricted key may not read prices. Give it what README names, or use another.';
  }
  if (error instanceof Stripe.errors.StripeConnectionError) {
    return 'Stripe can’t be reached from here. Look at the network, or at STRIPE_API_BASE.';
  }
  return `Stripe answered: ${error instanceof Error ? error.message : error}`;
}

function offerFinding(offer: Expected, known: Awaited<ReturnType<typeof prices>>): Finding {
  const about = `offer ${offer.id}`;
  const wrong = (sentence: string): Finding => ({ about, verdict: 'wrong', sentence });
  const carrying = known.filter(({ lookupKey }) => lookupKey === offer.lookupKey);
  const price = carrying.find(({ active }) => active);
  if (carrying.length === 0)
    return wrong(`No price has the lookup key “${offer.lookupKey}”. Give it to the price at Stripe.`);
  if (!price)
    return wrong(
      `The price “${offer.lookupKey}”, or its product, is archived. Bring it back, or name another in the offer.`,
    );
  if (!price.interval) return wrong(`The price “${offer.lookupKey}” is not a plain price for every single interval.`);
  if (price.interval !== offer.interval) {
    return wrong(
      `Stripe charges “${offer.lookupKey}” every ${price.interval}, the offer says every ${offer.interval}.`,
    );
  }
  if (price.amounts[offer.currency] !== offer.amount) {
    return wrong(
      `Stripe asks ${price.amounts[offer.currency] ?? 'nothing'} ${offer.currency} for “${offer.lookupKey}”, the offer says ${offer.amount}. Make them agree; until then nobody can pay.`,
    );
  }
  return { about, verdict: 'ok', sentence: `“${offer.lookupKey}” costs what the offer says.` };
}

async function endpoint(
  stripe: Stripe,
  url: string,
  say: (about: string, verdict: Finding['verdict'], sentence: string) => unknown,
): Promise<void> {
  const about = 'webhook endpoint';
  try {
    const { data } = await stripe.webhookEndpoints.list({ limit: 100 });
    const ours = data.find((one) => one.url === url);
    if (!ours)
      return void say(about, 'wrong', `Stripe has no endpoint for ${url}. Add one, with: ${NEEDED_EVENTS.join(', ')}.`);
    if (ours.status !== 'enabled')
      return void say(about, 'wrong', `The endpoint for ${url} is switched off at Stripe.`);
    const missing = NEEDED_EVENTS.filter(
      (type) => !ours.enabled_events.includes('*') && !ours.enabled_events.includes(type),
    );
    if (missing.length > 0)
      return void say(about, 'wrong', `The endpoint for ${url} is not sent: ${missing.join(', ')}.`);
    if (ours.api_version && ours.api_version !== API_VERSION) {
      return void say(
        about,
        'warning',
        `It sends events in ${ours.api_version}. We read again what they point to, so that works; ${API_VERSION} is better.`,
      );
    }
    say(about, 'ok', `Stripe sends what is needed to ${url}.`);
  } catch (error) {
    say(about, 'warning', `It could not be looked at: ${whyNot(error)}`);
  }
}
