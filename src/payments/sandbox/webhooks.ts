import { createHmac } from 'node:crypto';
import type { Faults } from './control.ts';
import type { Delivery, Store } from './store.ts';

const ATTEMPT_TIMEOUT_MS = 5_000;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 30_000;

export type Deliveries = { nudge(): void; stop(): Promise<void> };

/**
 * Posts queued events until each is answered with 2xx. Like Stripe's, they come after the reply, in no promised order,
 * and twice when the receiver's answer was lost. The times here are real ones: receivers compare them with their clock.
 */
export function startDeliveries(
  store: Store,
  url: string,
  secret: string,
  faults: Faults,
  log: (line: string) => void,
): Deliveries {
  let timer: NodeJS.Timeout | undefined;
  let round: Promise<void> | null = null;
  let stopped = false;
  const stopping = new AbortController();

  async function deliver({ eventId, attempts, body }: Delivery): Promise<void> {
    const wrong = attempts === 0 ? faults.ofEvent(JSON.parse(body).type) : [];
    const late = wrong.find(({ kind }) => kind === 'event_late');
    if (wrong.some(({ kind }) => kind === 'event_lost')) return store.markDelivered(eventId, Date.now());
    if (late) return store.retryDelivery(eventId, Date.now() + (late.ms ?? 500));
    if (wrong.some(({ kind }) => kind === 'event_twice')) await post(body);
    const problem = await post(body);
    if (stopped) return;
    if (!problem) return store.markDelivered(eventId, Date.now());
    const wait = Math.min(FIRST_RETRY_MS * 2 ** attempts, LONGEST_RETRY_MS);
    log(`webhook ${eventId} not delivered (${problem}), again in ${wait} ms`);
    store.retryDelivery(eventId, Date.now() + wait);
  }

  async function post(body: string): Promise<string | null> {
    const time = Math.floor(Date.now() / 1000);
    const signature = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
    try {
      const reply = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'stripe-signature': `t=${time},v1=${signature}` },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)]),
      });
      await reply.body?.cancel();
      return reply.ok ? null : `answered ${reply.status}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  function nudge(): void {
    if (stopped || round) return;
    clearTimeout(timer);
    round = Promise.all(store.dueDeliveries(Date.now()).map(deliver)).then(() => {
      round = null;
      const next = stopped ? undefined : store.nextDeliveryAt();
      if (next !== undefined) timer = setTimeout(nudge, Math.max(0, next - Date.now()));
    });
  }

  nudge();
  return {
    nudge,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      stopping.abort();
      await round;
    },
  };
}
