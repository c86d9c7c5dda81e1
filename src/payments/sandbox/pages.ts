import { cardFrom, payHosted, paySession, type Typed, typedIn } from './checkout.ts';
import { attempt, refuseAtBank } from './invoices.ts';
import { type Params, text } from './params.ts';
import type { Call } from './route.ts';

/*
 * The pages that stand for Stripe's and the bank's: Checkout, a hosted invoice, the customer portal, and the bank's question.
 * Every one is plain and says that nothing here is real.
 */

export type Shown = { status: number; html: string } | { to: string };

const PAGE = /^\/(c\/pay|i|p\/session|bank)\/([\w.]+)$/;

export function isPage(path: string): boolean {
  return PAGE.test(path);
}

export function showPage(call: Call, path: string, form: Params | null): Shown {
  const [, kind, id = ''] = PAGE.exec(path)!;
  if (kind === 'c/pay') return checkout(call, id, form);
  if (kind === 'i') return hostedInvoice(call, id, form);
  if (kind === 'p/session') return portal(call, id, form);
  return bank(call, id, form);
}

function checkout(call: Call, id: string, form: Params | null): Shown {
  const session = call.store.get('checkout.session', id);
  if (!session) return nothing();
  if (session.status !== 'open') {
    const over = session.status === 'complete' ? 'This has been paid.' : 'This page is no longer open.';
    return page(over, `<p>Nothing more can be paid here.</p>${link(session.success_url, 'Go back')}`, 410);
  }
  const plan = call.store.noted<{ lines: { price: string; quantity: number }[] }>(`plan:${id}`)!;
  const lines = plan.lines.map(({ price, quantity }) => {
    const { nickname, id: priceId } = call.store.need('price', price);
    return `<li>${quantity} × ${safe(nickname ?? priceId)}</li>`;
  });
  const typed = form ? typedIn(form) : null;
  let wrong: string | undefined;
  if (typed) {
    const card = cardFrom(call, typed, String(session.customer));
    const paid = typeof card === 'string' ? card : paySession(call, session, card);
    if (typeof paid !== 'string') return paid;
    wrong = paid;
  }
  const amount = money(session.amount_total ?? 0, session.currency ?? 'gbp');
  return page(
    `Pay ${amount}`,
    `<ul>${lines.join('')}</ul><p>For ${safe(session.customer_details?.email ?? '')}</p>
     ${cardForm(path('c/pay', id), amount, typed, wrong)}
     ${link(session.cancel_url, 'Go back without paying')}`,
    wrong ? 402 : 200,
  );
}

function hostedInvoice(call: Call, id: string, form: Params | null): Shown {
  const invoice = call.store.get('invoice', id);
  if (!invoice) return nothing();
  const amount = money(invoice.amount_remaining || invoice.amount_paid, invoice.currency);
  if (invoice.status !== 'open') return page(`Invoice ${invoice.status}: ${amount}`, '<p>You can close this page.</p>');
  const typed = form ? typedIn(form) : null;
  let wrong: string | undefined;
  if (typed) {
    const card = cardFrom(call, typed, String(invoice.customer));
    const paid = typeof card === 'string' ? card : payHosted(call, invoice, card);
    if (typeof paid !== 'string') return paid;
    wrong = paid;
  }
  return page(`Pay invoice: ${amount}`, cardForm(path('i', id), amount, typed, wrong), wrong ? 402 : 200);
}

function portal(call: Call, id: string, form: Params | null): Shown {
  const session = call.store.get('billing_portal.session', id);
  if (!session) return nothing();
  const customer = call.store.need('customer', session.customer);
  let said = '';
  if (form) {
    const card = cardFrom(call, typedIn(form), customer.id);
    if (typeof card === 'string') said = card;
    else {
      said = `${card.card?.brand} ending ${card.card?.last4} is your card now.`;
      const invoice_settings = { ...customer.invoice_settings, default_payment_method: card.id };
      call.store.put({ ...customer, invoice_settings });
    }
  }
  const invoices = call.store.list('invoice', { customer: customer.id, status: 'paid' }, { limit: 12 }).data;
  const rows = invoices.map((one) => `<li>${safe(one.number ?? one.id)}: ${money(one.amount_paid, one.currency)}</li>`);
  return page(
    'Your billing',
    `<p role="status">${safe(said)}</p><h2>Receipts</h2><ul>${rows.join('') || '<li>None yet</li>'}</ul>
     <h2>Another card</h2>${cardForm(path('p/session', id), '', null)}${link(session.return_url, 'Back to your page')}`,
  );
}

/** The bank asks. What it asks about is an intent, or a Checkout page that has not been paid. */
function bank(call: Call, id: string, form: Params | null): Shown {
  const { store } = call;
  const session = id.startsWith('cs_') ? store.get('checkout.session', id) : undefined;
  const intent = session ? undefined : store.get('payment_intent', id);
  if (!session && intent?.status !== 'requires_action') return nothing();
  const answer = form && text(form, 'answer');
  if (session) {
    if (answer === 'yes') {
      const card = store.need('payment_method', store.noted<string>(`card:${id}`)!);
      const paid = paySession(call, session, card, true);
      return typeof paid === 'string' ? page(paid, '', 410) : paid;
    }
    if (answer) return { to: `${call.url}/c/pay/${id}` };
  } else if (answer) {
    const back = intent!.next_action?.redirect_to_url?.return_url ?? call.url;
    if (answer === 'yes') attempt(call, intent!, String(intent!.payment_method), { confirmed: true });
    else refuseAtBank(call, intent!);
    const to = new URL(back);
    to.searchParams.set('payment_intent', intent!.id);
    to.searchParams.set('redirect_status', answer === 'yes' ? 'succeeded' : 'failed');
    return { to: to.href };
  }
  const amount = session
    ? money(session.amount_total ?? 0, session.currency ?? 'gbp')
    : money(intent!.amount, intent!.currency);
  return page(
    `Your bank asks: pay ${amount}?`,
    `<form method="post" action="${path('bank', id)}">
       <button name="answer" value="yes">Yes, it is me</button> <button name="answer" value="no">No</button>
     </form>`,
  );
}

function cardForm(action: string, amount: string, typed: Typed | null, wrong?: string): string {
  const field = (name: 'number' | 'expiry' | 'cvc', label: string, hint: string, auto: string) =>
    `<p><label for="${name}">${label} <small>${hint}</small></label>
     <input id="${name}" name="${name}" inputmode="numeric" autocomplete="${auto}" value="${safe(typed?.[name] ?? '')}"></p>`;
  const pay = amount ? `Pay ${amount}` : 'Use this card';
  return `${wrong ? `<p role="alert"><strong>${safe(wrong)}</strong></p>` : ''}
    <form method="post" action="${action}">
      <p><button name="wallet" value="yes">Pay with a wallet or Link</button></p>
      ${field('number', 'Card number', '4242 4242 4242 4242 works', 'cc-number')}
      ${field('expiry', 'Expiry', 'MM/YY', 'cc-exp')}
      ${field('cvc', 'Security code', 'three figures', 'cc-csc')}
      <p><button>${pay}</button></p>
    </form>
    <p><small>Test numbers: 4000 0000 0000 0002 is declined, 4000 0027 6000 3184 makes the bank ask.</small></p>`;
}

function path(kind: string, id: string): string {
  return `/${kind}/${id}`;
}

function link(href: string | null | undefined, words: string): string {
  return href ? `<p><a href="${safe(href)}">${words}</a></p>` : '';
}

function money(amount: number, currency: string): string {
  const format = new Intl.NumberFormat('en-GB', { style: 'currency', currency: currency.toUpperCase() });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

function safe(words: string): string {
  return words.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function nothing(): Shown {
  return page('There is nothing here', '<p>This page was for one payment, and that is over.</p>', 404);
}

const STYLE = `body{font:18px/1.5 system-ui,sans-serif;max-width:30rem;margin:2rem auto;padding:0 1rem;color:#16202b;background:#fff}
input{display:block;font:inherit;padding:.6rem;width:100%;box-sizing:border-box}button{font:inherit;padding:.7rem 1.2rem}
@media(prefers-color-scheme:dark){body{color:#edeae3;background:#12171d}a{color:#8fc2f5}}`;

function page(title: string, body: string, status = 200): Shown {
  const html = `<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>${title} – Stripe sandbox</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>
<body><main><p><small>Stripe sandbox. Nothing here is real.</small></p><h1>${title}</h1>${body}</main></body></html>`;
  return { status, html };
}
