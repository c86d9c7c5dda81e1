import { fileOf, type Problem, parseDocument, readContent, type SourceDocument } from './content.ts';
import { type Others, problemsOf } from './rules.ts';
import { SIGNED_LETTERS } from './signed-letter.ts';

/* The same judgement meets a folder, a build and every publishing. */

const NO_WAIVER = 'Nothing can be waived in a letter that somebody signs. Mend the sentence and take the waiver out.';

export type Judgement = {
  /** What keeps it from being published. */
  problems: Problem[];
  /** What its writer should look at again. */
  warnings: Problem[];
  /** What would be one of these without its waiver; the sentence ends with the reason. */
  waived: Problem[];
};

/** Everything wrong with one document that doesn't need the folder: its shape, its series, the rules, its words. */
export async function judge(written: SourceDocument, others: Others): Promise<Judgement> {
  const { document, problems } = parseDocument(written.collection, written.id, written.source, written.assets);
  if (!document) return { problems, warnings: [], waived: [] };
  // Here and not at the top: a quarter of a second and 40 MB that no visitor and no other command needs.
  const { checkSincerity } = await import('./sincerity/sincerity.ts');
  const words = await checkSincerity(document, written.source, others.notes);
  const file = fileOf(document.collection, document.id);
  // With a broken series, rules about its numbers would only repeat that it is broken.
  const rules = problems.length === 0 ? problemsOf(document, others) : problems;
  const isSigned = document.collection === 'letters' && (SIGNED_LETTERS as readonly string[]).includes(document.id);
  const waivers = isSigned ? words.waived : [];
  const unwaivable = waivers.map(({ line }) => ({ file, line, rule: 'waiver', sentence: NO_WAIVER }));
  return {
    problems: inOrder([...rules, ...unwaivable, ...words.errors.map((error) => ({ file, ...error }))]),
    warnings: inOrder(words.warnings.map((warning) => ({ file, ...warning }))),
    waived: inOrder(
      words.waived.map(({ reason, line, rule, sentence }) => ({
        file,
        line,
        rule,
        sentence: `${sentence} Waived: ${reason}`,
      })),
    ),
  };
}

function inOrder(problems: Problem[]): Problem[] {
  return problems.toSorted((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
}

/** Reads and judges a content directory. Throws when it isn't a folder. */
export async function checkContent(dir: string): Promise<Judgement & { documents: number }> {
  const { documents, problems } = await readContent(dir);
  const parsed = documents.map(
    ({ collection, id, source, assets }) => parseDocument(collection, id, source, assets).document,
  );
  const all = parsed.filter((document) => document !== null);
  const others: Others = {
    site: all.find((document) => document.collection === 'site')?.data ?? null,
    issues: new Set(documents.filter((one) => one.collection === 'issues').map((one) => one.id)),
    notes: new Map(all.filter((one) => one.collection === 'proofs').map((one) => [one.id, one.body])),
  };
  const judged: Judgement[] = [];
  for (const document of documents) judged.push(await judge(document, others));
  return {
    problems: [...problems, ...judged.flatMap((one) => one.problems)],
    warnings: judged.flatMap((one) => one.warnings),
    waived: judged.flatMap((one) => one.waived),
    documents: documents.length,
  };
}

/** `proofs/exports-finish/index.md:12 S203 …`, as every command and the build print it. */
export function problemLine({ file, line, rule, sentence }: Problem): string {
  return `${file}:${line} ${rule} ${sentence}`;
}
