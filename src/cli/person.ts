import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { and, eq } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { persons } from '../../db/schema/people.ts';
import { database } from '../database.ts';
import { eraseEverywhere } from '../erasing.ts';
import { everythingAbout } from '../people/export.ts';
import { samePerson } from '../people/records.ts';
import { isRefusal } from '../shared/refusal.ts';
import { counted } from '../shared/words.ts';
import type { Io, Verb } from './verb.ts';

export const person: Verb = {
  name: 'person',
  summary: 'Show, export or erase all that is held about one person.',
  help: `Use: amends person show <source> <person id>
     amends person export <source> <person id>
     amends person erase <source> <person id> [--yes]

show     says what there is: how many rows of each kind
export   prints everything as JSON, for the person to have
erase    deletes all of it, here and at once, with every other record that has the same address; asks first, unless --yes

An erased person is not imported again and not written to. Whoever pays us has to end that first.

Exit code: 0 done, 1 refused or nobody by this id, 2 not understood.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { yes: { type: 'boolean' } } });
    const [what, source, externalId] = positionals;
    const act = { show, export: exportAll, erase }[what ?? ''];
    if (!act || !source || !externalId) {
      io.err('Say what and who: amends person show|export|erase <source> <person id>.');
      return 2;
    }
    const db = await database();
    try {
      const found = await db.read
        .select({ id: persons.id })
        .from(persons)
        .where(and(eq(persons.source, source), eq(persons.externalId, externalId)));
      if (found.length !== 1) {
        io.err(
          found.length === 0
            ? `Nobody “${externalId}” has come from “${source}”.`
            : `“${externalId}” from “${source}” is a customer and an employee. Erase them on their own pages.`,
        );
        return 1;
      }
      return await act(db, found[0]!.id, io, values.yes === true);
    } finally {
      await db.close();
    }
  },
};

async function show(db: Db, personId: string, io: Io): Promise<number> {
  for (const { title, rows } of await everythingAbout(db.read, personId)) {
    io.out(`${String(rows.length).padStart(5)}  ${title}`);
  }
  return 0;
}

async function exportAll(db: Db, personId: string, io: Io): Promise<number> {
  io.out(JSON.stringify({ at: new Date().toISOString(), held: await everythingAbout(db.read, personId) }, null, 2));
  return 0;
}

async function erase(db: Db, personId: string, io: Io, sure: boolean): Promise<number> {
  const records = (await samePerson(db.read, personId)).length;
  if (!sure) {
    if (!process.stdin.isTTY) {
      io.err('Nothing was erased. Add --yes to do it without being asked.');
      return 1;
    }
    const ask = createInterface({ input: process.stdin, output: process.stderr });
    const answer = await ask.question(`Erase ${counted(records, 'record')} for good? Type “erase”: `);
    ask.close();
    if (answer.trim() !== 'erase') {
      io.err('Nothing was erased.');
      return 1;
    }
  }
  const began = performance.now();
  const erased = await eraseEverywhere(db, personId, new Date());
  if (isRefusal(erased)) {
    io.err(erased.sentence);
    return 1;
  }
  io.out(
    `Erased ${counted(erased.records, 'record')} and ${counted(erased.letterIds.length, 'letter')} in ${Math.round(performance.now() - began)} ms.`,
  );
  return 0;
}
