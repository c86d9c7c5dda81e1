import { parseArgs } from 'node:util';
import { ROLES, type Role } from '../../db/schema/staff.ts';
import { database } from '../database.ts';
import { env } from '../env.ts';
import { whereLettersWait } from '../mail/mailbox.ts';
import { isRefusal, type Refusal } from '../shared/refusal.ts';
import { ROLE_DOES } from '../staff/access.ts';
import { addColleague, changeRoles, colleagues, endAccess, type Member } from '../staff/colleagues.ts';
import type { Verb } from './verb.ts';

export const staffVerb: Verb = {
  name: 'staff',
  summary: 'Who may use the desk: list, add, change roles, end access.',
  help: `Use: amends staff list [--json]
     amends staff add --name "…" --title "…" --address … --roles ROLE,ROLE [--id SHORT-ID]
     amends staff roles <short id> ROLE,ROLE
     amends staff end <short id>

The first admin is added here; after that an admin can do all of it at the desk, under Colleagues. Nobody has a password:
who signs in gets a code at their address. Ending somebody's access signs them out at once; what they did stays theirs.

Roles, of which one person may have several:
${ROLES.map((role) => `  ${role.padEnd(8)}  ${ROLE_DOES[role]}`).join('\n')}

Exit code: 0 done, 1 refused, 2 could not be carried out.`,

  async run(args, io) {
    const options = {
      name: TEXT,
      title: TEXT,
      address: TEXT,
      roles: TEXT,
      id: TEXT,
      json: { type: 'boolean' },
    } as const;
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options });
    const [what, ...rest] = positionals;
    const roles = (list: string | undefined) => (list ?? '').split(/[\s,]+/).filter((role) => role !== '');
    const now = new Date();
    const db = await database();
    const answer = (done: unknown, sentence: string): number => {
      if (isRefusal(done)) io.err((done as Refusal).sentence);
      else io.out(sentence);
      return isRefusal(done) ? 1 : 0;
    };
    try {
      if (what === 'list' && rest.length === 0) {
        const everyone = await colleagues(db.read);
        if (values.json) io.out(JSON.stringify(everyone));
        else if (everyone.length === 0) io.out('Nobody works at the desk yet. See: amends staff --help');
        else for (const member of everyone) io.out(line(member));
        return 0;
      }
      if (what === 'add' && rest.length === 0) {
        const { name = '', title = '', address = '', id } = values;
        const colleague = { name, title, address, roles: roles(values.roles), ...(id !== undefined && { id }) };
        const added = await db.write((tx) => addColleague(tx, null, colleague, now));
        const signIn = new URL('/staff/sign-in', env.AMENDS_URL).href;
        const waits = whereLettersWait(env.AMENDS_URL, env.MAILBOX_DIR);
        const where = `${waits.sentence}${waits.link ? ` It is read at ${new URL(waits.link.href, env.AMENDS_URL).href}` : ''}`;
        return answer(added, `Added. ${name} signs in at ${signIn} with a code for ${address}.\n${where}`);
      }
      if (what === 'roles' && rest.length === 2) {
        const [id, list] = rest as [string, string];
        const changed = await db.write((tx) => changeRoles(tx, null, id, roles(list), now));
        return answer(changed, `“${id}” may now do what these roles may: ${roles(list).join(', ')}.`);
      }
      if (what === 'end' && rest.length === 1) {
        const [id] = rest as [string];
        return answer(await db.write((tx) => endAccess(tx, null, id, now)), `“${id}” can no longer sign in.`);
      }
      io.err('Say what to do: list, add, roles or end. See: amends staff --help');
      return 2;
    } finally {
      await db.close();
    }
  },
};

const TEXT = { type: 'string' } as const;

function line({ id, name, title, address, roles, leftAt }: Member): string {
  const may = leftAt === null ? ROLES.filter((role: Role) => roles.includes(role)).join(', ') : 'left';
  return `${id.padEnd(12)} ${name}, ${title}\n${' '.repeat(13)}${address}: ${may}`;
}
