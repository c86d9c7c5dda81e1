import { parseArgs } from 'node:util';
import { SETTINGS, type Setting } from '../env.ts';
import type { Verb } from './verb.ts';

const ALL: [name: string, setting: Setting][] = Object.entries(SETTINGS);

export const settingsVerb: Verb = {
  name: 'settings',
  summary: 'List every setting: what it means, and what it is here.',
  help: `Use: amends settings [--json|--markdown|--file]

Without more: each setting, and whether it is set here. Secrets are not shown.
  --markdown   the page src/docs/settings.md
  --file       a file of settings to begin with, every line a comment

Exit code: 0 done.`,

  async run(args, io) {
    const flag = { type: 'boolean' } as const;
    const { values } = parseArgs({ args, options: { json: flag, markdown: flag, file: flag } });
    if (values.markdown) io.out(settingsPage().trimEnd());
    else if (values.file) io.out(settingsFile().trimEnd());
    else if (values.json) io.out(JSON.stringify(ALL.map(([name, one]) => ({ name, ...facts(one), set: isSet(name) }))));
    else for (const [name, one] of ALL) io.out(`${name.padEnd(28)} ${valueHere(name, one)}\n    ${one.meaning}`);
    return 0;
  },
};

const facts = ({ kind: _, ...rest }: Setting) => rest;
// As readSettings has it: an empty one is one that is not set.
const isSet = (name: string) => Boolean(process.env[name]);

function valueHere(name: string, { secret, default: standard }: Setting): string {
  const value = process.env[name];
  if (!value) return standard === '' ? 'not set' : `${secret ? 'not set' : standard} (default)`;
  return secret ? 'set, not shown' : value;
}

/** What src/docs/settings.md says. */
export function settingsPage(): string {
  const code = (text: string) => (text === '' ? '–' : `\`${text}\``);
  const rows = ALL.map(
    ([name, one]) =>
      `| \`${name}\`${one.secret ? ' 🔒' : ''} | ${one.meaning} | ${code(one.default)} | ${code(one.example)} | ${one.for} |`,
  );
  return `# Settings

Written from the table in \`src/env.ts\` by \`npm run amends -- settings --markdown\`; a test fails when the two differ. Settings are
read once, at start, from the environment and from \`.env\` in the folder that the process starts in; the environment wins. One that
can’t be used, that contradicts another or that nobody knows stops the process with a sentence. 🔒 is a secret: it is shown nowhere.

| setting | meaning | default | example | who has to think of it |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

/** A file to begin with. Nothing is set in it, so that it changes nothing until somebody decides. */
export function settingsFile(): string {
  return ALL.map(([name, one]) => `# ${one.meaning}\n# For ${one.for}.\n#${name}=${one.default || one.example}\n`).join(
    '\n',
  );
}
