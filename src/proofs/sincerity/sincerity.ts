import { TextlintKernel } from '@textlint/kernel';
import markdownPlugin from '@textlint/textlint-plugin-markdown';
import type { ParsedDocument } from '../content.ts';
import { copiedFrom, type Notes } from './copied.ts';
import { hiddenAgent } from './hidden-agent.ts';
import { mixedScript } from './mixed-script.ts';
import { ownershipRules } from './ownership.ts';
import { phraseRules } from './phrases.ts';
import { proseOf } from './prose.ts';
import { readingRules } from './reading.ts';
import type { Rule, Severity, Slot } from './rule.ts';
import { type Waiver, waiversOf } from './waivers.ts';

/*
 * Whether we say what we did, plainly. It proves that bad phrases are absent, not that anybody means it. Loading this file costs a
 * quarter of a second, so whoever judges loads it when there is something to judge.
 */

const RULES: Rule[] = [...phraseRules, mixedScript, hiddenAgent, ...readingRules, ...ownershipRules];

const kernel = new TextlintKernel();
// It is CommonJS: Node hands over its exports, a bundler their default.
const plugin = 'default' in markdownPlugin ? (markdownPlugin.default as typeof markdownPlugin) : markdownPlugin;

/** `line` counts from the first line of the text. */
export type Finding = { line: number; rule: string; severity: Severity; sentence: string };

/** In characters. Reading Markdown takes the square of its length when it is written badly enough. */
const LONGEST = 20_000;

/** What the rules find in one passage of Markdown. Block quotes and code are left alone. */
export async function lintPassage(text: string, slot: Slot): Promise<Finding[]> {
  if (text.length > LONGEST) {
    const sentence = 'This has more than 20,000 characters. Nobody reads that much about one thing: shorten it.';
    return [{ line: 1, rule: 'length', severity: 'error', sentence }];
  }
  const rules = RULES.flatMap((rule) => {
    const severity = rule.severity(slot);
    return severity ? [{ ruleId: rule.id, rule: rule.check, options: { severity } }] : [];
  });
  const { messages } = await kernel.lintText(text, { ext: '.md', plugins: [{ pluginId: 'markdown', plugin }], rules });
  return messages.map(({ line, ruleId, severity, message }) => ({
    line,
    rule: ruleId.split(' ')[0]!,
    severity: severity === 2 ? 'error' : 'warning',
    sentence: message,
  }));
}

export type Sincerity = {
  errors: Omit<Finding, 'severity'>[];
  warnings: Omit<Finding, 'severity'>[];
  /** What would be one of the above without its waiver. */
  waived: (Omit<Finding, 'severity'> & { reason: string })[];
};

/** The whole check of one document. Lines are those of its file. */
export async function checkSincerity(document: ParsedDocument, source: string, notes: Notes): Promise<Sincerity> {
  const findings: Finding[] = [];
  const passages = proseOf(document);
  for (const { slot, text, line, isField } of passages) {
    const found = await lintPassage(text, slot);
    findings.push(...found.map((one) => ({ ...one, line: isField ? line : line + one.line - 1 })));
  }
  if (document.collection === 'proofs') {
    const copied = copiedFrom(document.id, document.body, notes);
    if (copied) {
      const share = Math.round(copied.share * 100);
      const sentence = `${share}% of this stands in the proof “${copied.id}” too (template-residue). Write it for the people it is about.`;
      findings.push({ line: document.bodyLine, rule: 'S111', severity: 'error', sentence });
    }
  }

  const fieldLines = passages.filter((passage) => passage.isField).map((passage) => passage.line);
  const { waivers, problems } = waiversOf(source, document.bodyLine, fieldLines);
  const result: Sincerity = { errors: [], warnings: [], waived: [] };
  const refused = new Set<Waiver>();
  for (const problem of problems) result.errors.push({ rule: 'waiver', ...problem });
  for (const { severity, ...finding } of findings) {
    const waiver = waivers.find((one) => covers(one, finding));
    const mayBe = severity === 'warning' || finding.rule === 'S107';
    if (waiver && mayBe) result.waived.push({ ...finding, reason: waiver.reason });
    else if (severity === 'error') result.errors.push(finding);
    else result.warnings.push(finding);
    if (waiver && !mayBe) refused.add(waiver);
  }
  for (const { rule, line } of refused) {
    const sentence = `${rule} can’t be waived here: only warnings and S107 can. Mend the sentence and take the waiver out.`;
    result.errors.push({ line, rule: 'waiver', sentence });
  }
  return result;
}

function covers({ rule, from, to }: Waiver, finding: { rule: string; line: number }): boolean {
  return rule === finding.rule && from <= finding.line && finding.line <= to;
}
