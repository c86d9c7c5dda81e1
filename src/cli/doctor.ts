import { parseArgs } from 'node:util';
import { database } from '../database.ts';
import { env } from '../env.ts';
import { type Expected, inspectStripe } from '../payments/inspect.ts';
import { publishedOffers } from '../proofs/published.ts';
import type { Verb } from './verb.ts';

export const doctor: Verb = {
  name: 'doctor',
  summary: 'Say whether payments can go live, and what to do where they can’t.',
  help: `Use: amends doctor stripe [--json]

Looks at the key, the webhook secret and endpoint, the API version, and whether every published offer costs at Stripe what
it says here. Reads only.

Exit code: 0 all is well, 1 something has to be done first, 2 called wrongly.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { json: { type: 'boolean' } } });
    if (positionals.length !== 1 || positionals[0] !== 'stripe') {
      io.err(this.help);
      return 2;
    }
    const db = await database();
    try {
      const offers = (await publishedOffers(db.read)).flatMap(({ id, data }): Expected[] => {
        const { lookup_key: lookupKey, interval, amount, currency, amounts } = data;
        const prices = { ...amounts, [currency]: amount };
        return Object.entries(prices).map(([each, sum]) => ({ id, lookupKey, interval, amount: sum, currency: each }));
      });
      const options = {
        secretKey: env.STRIPE_SECRET_KEY,
        webhookSecret: env.STRIPE_WEBHOOK_SECRET,
        siteUrl: env.AMENDS_URL,
        ...(env.STRIPE_API_BASE ? { apiBase: env.STRIPE_API_BASE } : {}),
      };
      const findings = await inspectStripe(options, offers);
      const ready = findings.every(({ verdict }) => verdict !== 'wrong');
      if (values.json) io.out(JSON.stringify({ ready, findings }));
      else {
        for (const { about, verdict, sentence } of findings) io.out(`${verdict.padEnd(8)} ${about}: ${sentence}`);
        io.out('');
        io.out(ready ? 'Payments are ready.' : 'Payments are not ready: see what is wrong above.');
      }
      return ready ? 0 : 1;
    } finally {
      await db.close();
    }
  },
};
