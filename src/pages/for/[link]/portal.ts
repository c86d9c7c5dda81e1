import type { APIRoute } from 'astro';
import { billing } from '../../../billing.ts';
import { env } from '../../../env.ts';
import { PaymentsUnavailable } from '../../../payments/payments.ts';
import { openedOnly, ownPage, rememberWay, seeOther } from '../../../visit.ts';

/** “Cards and receipts”: the provider's own pages, for the person alone. */
export const POST: APIRoute = async (context) => {
  const own = await ownPage(context);
  if (own instanceof Response) return own;
  const { visit, path } = own;
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

export const ALL = openedOnly;
