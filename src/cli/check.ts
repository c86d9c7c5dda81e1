import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { env } from '../env.ts';
import { checkContent, problemLine } from '../proofs/check.ts';
import type { Problem } from '../proofs/content.ts';
import { counted } from '../shared/words.ts';
import type { Verb } from './verb.ts';

export const check: Verb = {
  name: 'check',
  summary: 'Check everything written in content/ before it is published.',
  help: `amends check [--strict] [--json] [folder]

Reads every document in the folder (the setting CONTENT_DIR, or content/) and prints what is wrong with it, one problem a
line: file:line, the rule, and a sentence that says what to write instead. Nothing is changed. The build runs the
same check. Warnings are shown and stop nothing.

  --strict  a warning counts as a problem
  --json    one JSON object: { "documents": 31, "problems": [{ "file", "line", "rule", "sentence" }], "warnings": […],
            "waived": […] }

A warning, and S107, can be waived where a price was the complaint or a word is right after all. Above the paragraph write
<!-- textlint-disable S107 -- the reason -->, among the fields # textlint-disable S107 -- the reason.

Answers 0 when nothing is wrong, 1 when something is, 2 when the folder can't be read.`,

  async run(args, io) {
    let dir: string;
    let json: boolean;
    let strict: boolean;
    try {
      const { values, positionals } = parseArgs({
        args,
        options: { json: { type: 'boolean', default: false }, strict: { type: 'boolean', default: false } },
        allowPositionals: true,
      });
      if (positionals.length > 1) throw new Error('Name one folder at most.');
      dir = positionals[0] ?? env.CONTENT_DIR;
      ({ json, strict } = values);
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
    const here = (list: Problem[]) => list.map((problem) => ({ ...problem, file: join(dir, problem.file) }));
    const problems = here(checked.problems);
    const warnings = here(checked.warnings);
    const waived = here(checked.waived);
    if (json) io.out(JSON.stringify({ documents: checked.documents, problems, warnings, waived }));
    else {
      for (const problem of problems) io.out(problemLine(problem));
      for (const { file, line, rule, sentence } of warnings) io.out(`${file}:${line} warning ${rule} ${sentence}`);
      for (const { file, line, rule, sentence } of waived) io.out(`${file}:${line} waived ${rule} ${sentence}`);
      const count = problems.length === 0 ? 'No problems' : counted(problems.length, 'problem');
      const more = [
        warnings.length > 0 ? counted(warnings.length, 'warning') : [],
        waived.length > 0 ? `${waived.length} waived` : [],
      ].flat();
      const also = more.length > 0 ? ` ${more.join(', ')}.` : '';
      io.out(`${count} in ${counted(checked.documents, 'document')}.${also}`);
    }
    return problems.length > 0 || (strict && warnings.length > 0) ? 1 : 0;
  },
};
