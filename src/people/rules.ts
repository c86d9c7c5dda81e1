import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { type Refusal, refuse } from '../shared/refusal.ts';
import type { Gap } from './diagnosis.ts';

/* What a reason code or some words usually mean here, as staff wrote it down in content/diagnosis.yaml. A rule only proposes. */

const text = z.string().min(1);
const rule = z
  .strictObject({
    issue: text.regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'An issue is named by its file: exports-failed.').optional(),
    gap: z.enum(['value', 'trust', 'experience', 'growth']).optional(),
    reason_codes: z.array(text).min(1).optional(),
    /** Each entry: the beginnings of words that all stand in the text, in any order. */
    says: z.array(text).min(1).optional(),
  })
  .refine((one) => one.issue || one.gap, 'A rule says which issue, or which gap.')
  .refine((one) => one.reason_codes || one.says, 'A rule has reason_codes or says.');
const rules = z.strictObject({ rules: z.array(rule) });

export type Rule = z.output<typeof rule>;
export type Ruled = { issue: string | null; gap: Gap | null; because: string };

/** The rules in this folder of content; none when there is no file. */
export async function rulesIn(contentDir: string): Promise<Rule[] | Refusal> {
  const source = await readFile(join(contentDir, 'diagnosis.yaml'), 'utf8').catch(() => null);
  return source === null ? [] : readRules(source);
}

export function readRules(source: string): Rule[] | Refusal {
  let document: unknown;
  try {
    document = parseYaml(source);
  } catch (error) {
    return refuse('rules', `diagnosis.yaml is not YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  const read = rules.safeParse(document);
  if (read.success) return read.data.rules;
  const wrong = read.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`);
  return refuse('rules', `diagnosis.yaml can’t be used. ${wrong.join(' ')}`);
}

/** What the first rule that fits says, and why it fits. */
export function ruled(all: readonly Rule[], told: { text: string; reasonCode: string | null }): Ruled | null {
  const words = told.text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  for (const { issue = null, gap = null, reason_codes, says } of all) {
    const code = reason_codes?.find((one) => one.toLowerCase() === told.reasonCode?.toLowerCase());
    if (code !== undefined) return { issue, gap, because: code };
    const said = says?.find((phrase) =>
      phrase
        .toLowerCase()
        .split(/\s+/)
        .every((part) => words.some((word) => word.startsWith(part))),
    );
    if (said !== undefined) return { issue, gap, because: said };
  }
  return null;
}
