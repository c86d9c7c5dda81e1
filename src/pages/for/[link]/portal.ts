import type { APIRoute } from 'astro';
import { billing } from '../../../billing.ts';
import { env } from '../../../env.ts';
import { PaymentsUnavailable } from '../../../payments/payments.ts';
import { rememberWay, seeOther, visitorOf } from '../../../visit.ts';

/** “Cards and receipts”: the provider's own pages, for the person alone. */
export const POST: APIRoute = async (context) => {
  const visitor = await visitorOf(context, 'page');
  if (!visitor) return seeOther(`/for/${context.params['link']}`);
  const { visit, token } = visitor;
  const path = `/for/${token}`;
  if (!visit.trusted) return seeOther(`${path}/code`);
  if (!visit.device || !visit.person.billingId) return seeOther(`${path}/back`);
  try {
    const { url } = await billing().openPortal(visit.person.billingId, new URL('/returned', env.AMENDS_URL).href);
    rememberWay(context, path);
    return seeOther(url);
  } catch (error) {
    if (error instanceof PaymentsUnavailable) return seeOther(`${path}/back?silent`);
    throw error;
  }
};

/** Opened rather than pressed: nothing happens. Without this, Astro would write the address, secret and all, to its log. */
export const ALL: APIRoute = ({ params }) => seeOther(`/for/${params['link']}`);
