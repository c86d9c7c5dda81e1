/*
 * A rule can be set aside with a reason. In Markdown `<!-- textlint-disable S107 -- the price was the complaint -->` holds from
 * there to `<!-- textlint-enable S107 -->` or the end; among the fields `# textlint-disable S107 -- …` holds for the next field.
 * Warnings and S107 only.
 */

/** `from` and `to` are lines of the file, both included. */
export type Waiver = { rule: string; reason: string; line: number; from: number; to: number };

const COMMENT = /<!--\s*textlint-(disable|enable)\b([\s\S]*?)-->/g;
const FIELD_COMMENT = /^\s*#\s*textlint-(disable|enable)\b(.*)$/;
const HOW = 'Write <!-- textlint-disable S107 -- the reason -->.';

/** The body as it is shown: without waivers, every line where it was. */
export function withoutWaivers(body: string): string {
  return body.replace(COMMENT, (comment) => comment.replace(/[^\n]/g, ''));
}

/** What stands behind `textlint-disable`: `S107, S109 -- the reason`. Either may be missing; ` -- ` parts them. */
export function readWaiver(text: string): { rules: string[]; reason: string } {
  const [ids = '', ...reason] = text
    .trim()
    .replace(/\s+/g, ' ')
    .split(/(?:^| )--(?: |$)/);
  return { rules: ids.split(/[ ,]+/).filter(Boolean), reason: reason.join(' -- ').trim() };
}

/** The waivers of a file, and what is wrong with them. `bodyLine` is the first line below its fields; `fieldLines` where fields begin. */
export function waiversOf(
  source: string,
  bodyLine: number,
  fieldLines: readonly number[],
): { waivers: Waiver[]; problems: { line: number; sentence: string }[] } {
  const lines = source
    .replace(/^\uFEFF/, '')
    .replaceAll('\r\n', '\n')
    .split('\n');
  const waivers: Waiver[] = [];
  const problems: { line: number; sentence: string }[] = [];
  const take = (line: number, rest: string, to: number) => {
    const { rules, reason } = readWaiver(rest);
    if (rules.length === 0) problems.push({ line, sentence: `A waiver names its rule. ${HOW}` });
    else if (!/\S\s+\S/.test(reason)) problems.push({ line, sentence: `A waiver needs its reason. ${HOW}` });
    else waivers.push(...rules.map((rule) => ({ rule, reason, line, from: line, to })));
  };

  for (const [index, text] of lines.slice(0, bodyLine - 1).entries()) {
    const match = FIELD_COMMENT.exec(text);
    const line = index + 1;
    if (match?.[1] === 'disable') take(line, match[2]!, fieldLines.find((field) => field > line) ?? line);
  }
  const body = lines.slice(bodyLine - 1).join('\n');
  for (const { 0: whole, 1: kind, 2: rest, index } of body.matchAll(COMMENT)) {
    const line = bodyLine + body.slice(0, index).split('\n').length - 1;
    if (kind === 'disable') take(line, rest!, lines.length);
    else {
      const ended = rest!.split(/[\s,]+/).filter(Boolean);
      for (const waiver of waivers) {
        const open = waiver.from >= bodyLine && waiver.to === lines.length;
        if (open && (ended.length === 0 || ended.includes(waiver.rule)))
          waiver.to = line + whole.split('\n').length - 1;
      }
    }
  }
  return { waivers, problems };
}
