import { endStates } from '../rejoin/orders.ts';

/* All 720 orders of the six events of a return, with duplicates, each on a database of its own. */

const began = performance.now();
const { tried, ends } = await endStates(() => true);
console.log(`${tried} orders in ${((performance.now() - began) / 1000).toFixed(1)} s, ${ends.size} end state(s):`);
for (const [end, times] of ends) console.log(`  ${times} × ${end}`);
process.exitCode = ends.size === 1 ? 0 : 1;
