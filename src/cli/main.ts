import { auditVerb } from './audit.ts';
import { backup } from './backup.ts';
import { bounce } from './bounce.ts';
import { check } from './check.ts';
import { coverageVerb } from './coverage.ts';
import { doctor } from './doctor.ts';
import { due } from './due.ts';
import { exampleVerb } from './example.ts';
import { gate } from './gate.ts';
import { importVerb } from './import.ts';
import { invite } from './invite.ts';
import { link } from './link.ts';
import { makeGood } from './make-good.ts';
import { measure } from './measure.ts';
import { measuringKey } from './measuring-key.ts';
import { outcomesVerb } from './outcomes.ts';
import { person } from './person.ts';
import { restore } from './restore.ts';
import { settingsVerb } from './settings.ts';
import { staffVerb } from './staff.ts';
import type { Io, Verb } from './verb.ts';
import { verify } from './verify.ts';

export const verbs: Verb[] = [
  check,
  verify,
  importVerb,
  coverageVerb,
  gate,
  invite,
  link,
  makeGood,
  due,
  bounce,
  person,
  outcomesVerb,
  measure,
  measuringKey,
  staffVerb,
  auditVerb,
  exampleVerb,
  backup,
  restore,
  doctor,
  settingsVerb,
];

const io: Io = { out: (line) => console.log(line), err: (line) => console.error(line) };

export async function main(argv: string[]): Promise<number> {
  const [name, ...args] = argv;
  const verb = verbs.find((known) => known.name === name);
  if (!verb) {
    const width = Math.max(...verbs.map((known) => known.name.length));
    const usage = [
      'Use: npm run amends -- <verb> [options]',
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
    process.exitCode = 2;
  }
}
