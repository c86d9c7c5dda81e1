import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { env } from '../env.ts';
import { checkContent, problemLine } from '../proofs/check.ts';
import { counted } from '../shared/words.ts';
import type { Verb } from './verb.ts';

export const check: Verb = {
  name: 'check',
  summary: 'Check everything written in content/ before it is published.',
  help: `amends check [--json] [folder]

Reads every document in the folder (the setting CONTENT_DIR, or content/) and prints what is wrong with it, one problem a
line: file:line, the rule, and a sentence that says what to write instead. Nothing is changed. The build runs the
same check.

  --json   one JSON object: { "documents": 31, "problems": [{ "file", "line", "rule", "sentence" }] }

Answers 0 when nothing is wrong, 1 when something is, 2 when the folder can't be read.`,

  async run(args, io) {
    let dir: string;
    let json: boolean;
    try {
      const { values, positionals } = parseArgs({
        args,
        options: { json: { type: 'boolean', default: false } },
        allowPositionals: true,
      });
      if (positionals.length > 1) throw new Error('Name one folder at most.');
      dir = positionals[0] ?? env.CONTENT_DIR;
      json = values.json;
    } catch (error) {
      io.err(`${(error as Error).message} See: amends check --help`);
      return 2;
    }
    const folder = await stat(dir).catch(() => null);
    if (!folder?.isDirectory()) {
      io.err(`There is no folder ${dir} to check.`);
      return 2;
    }
    const checked = await checkContent(dir);
    const problems = checked.problems.map((problem) => ({ ...problem, file: join(dir, problem.file) }));
    if (json) io.out(JSON.stringify({ documents: checked.documents, problems }));
    else {
      for (const problem of problems) io.out(problemLine(problem));
      const count = problems.length === 0 ? 'No problems' : counted(problems.length, 'problem');
      io.out(`${count} in ${counted(checked.documents, 'document')}.`);
    }
    return problems.length === 0 ? 0 : 1;
  },
};
