import { noRoomBecause } from '../away.ts';
import type { Io, Verb } from './verb.ts';

/** Each is read only when it is asked for: all of them take a second, and 40 MB. */
export const VERBS: Record<string, () => Promise<Verb>> = {
  check: async () => (await import('./check.ts')).check,
  verify: async () => (await import('./verify.ts')).verify,
  import: async () => (await import('./import.ts')).importVerb,
  coverage: async () => (await import('./coverage.ts')).coverageVerb,
  gate: async () => (await import('./gate.ts')).gate,
  invite: async () => (await import('./invite.ts')).invite,
  link: async () => (await import('./link.ts')).link,
  'make-good': async () => (await import('./make-good.ts')).makeGood,
  due: async () => (await import('./due.ts')).due,
  bounce: async () => (await import('./bounce.ts')).bounce,
  person: async () => (await import('./person.ts')).person,
  outcomes: async () => (await import('./outcomes.ts')).outcomesVerb,
  measure: async () => (await import('./measure.ts')).measure,
  'measuring-key': async () => (await import('./measuring-key.ts')).measuringKey,
  staff: async () => (await import('./staff.ts')).staffVerb,
  audit: async () => (await import('./audit.ts')).auditVerb,
  example: async () => (await import('./example.ts')).exampleVerb,
  backup: async () => (await import('./backup.ts')).backup,
  restore: async () => (await import('./restore.ts')).restore,
  doctor: async () => (await import('./doctor.ts')).doctor,
  settings: async () => (await import('./settings.ts')).settingsVerb,
};

const io: Io = { out: (line) => console.log(line), err: (line) => console.error(line) };

export async function main(argv: string[]): Promise<number> {
  const [name, ...args] = argv;
  const read = name !== undefined && Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (!read) {
    const verbs = await Promise.all(Object.values(VERBS).map((one) => one()));
    const width = Math.max(...verbs.map((known) => known.name.length));
    const usage = [
      'Use: amends <verb> [options], or in the folder of Amends: npm run amends -- <verb> [options]',
      '',
      ...verbs.map((v) => `  ${v.name.padEnd(width)}  ${v.summary}`),
      '',
      '`--help` after a verb says more.',
    ];
    const asked = name === undefined || name === 'help' || name === '--help';
    if (!asked) io.err(`There is no verb “${name}”.`);
    for (const line of usage) (asked ? io.out : io.err)(line);
    return asked ? 0 : 2;
  }
  const verb = await read();
  if (args.includes('--help') || args.includes('-h')) {
    io.out(verb.help);
    return 0;
  }
  return verb.run(args, io);
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    io.err(error instanceof Error ? error.message : String(error));
    if (noRoomBecause(error)) {
      io.err(
        'What was written before that stays. Make room, or wait for the database; then run the same command again.',
      );
    }
    process.exitCode = 2;
  }
}
