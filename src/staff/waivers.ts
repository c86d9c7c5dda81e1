import { readWaiver } from '../proofs/sincerity/waivers.ts';
import { type At, inOneLine } from './fields.ts';
import { placesOf } from './yaml.ts';

/* Waivers come out of the text into the form, and go back to their lines. What they are: proofs/sincerity/waivers.ts. */

export type FormWaiver = { rule: string; reason: string; at: At };

const FIELD_WAIVER = /^\s*#\s*textlint-disable\b(.*)$/;
const BODY_WAIVER = /^\s*<!--\s*textlint-disable\b([\s\S]*?)-->\n*/;

/** One without a rule or a reason stays where it is: the check refuses it there. */
function waiverOf(text: string): ReturnType<typeof readWaiver> | null {
  const waiver = readWaiver(text);
  return waiver.rules.length > 0 && waiver.reason !== '' ? waiver : null;
}

/** The fields without their waivers, and those: each for the deepest field on the next line that has one. */
export function takenFromFields(yaml: string): { yaml: string; waivers: FormWaiver[] } {
  const found: { line: number; rules: string[]; reason: string }[] = [];
  const left: string[] = [];
  for (const line of yaml.split('\n')) {
    const waiver = waiverOf(FIELD_WAIVER.exec(line)?.[1] ?? '');
    if (waiver) found.push({ line: left.length + 1, ...waiver });
    else left.push(line);
  }
  const rest = left.join('\n');
  const places = found.length > 0 ? placesOf(rest) : [];
  const waivers = found.flatMap(({ line, rules, reason }) => {
    const next = places.find((place) => place.line >= line)?.line;
    const at = places.findLast((place) => place.line === next)?.path.join('.') ?? 'body';
    return rules.map((rule) => ({ rule, reason, at }));
  });
  return { yaml: rest, waivers };
}

/** The text without the waivers that it begins with, and those. */
export function takenFromBody(whole: string): { body: string; waivers: FormWaiver[] } {
  const waivers: FormWaiver[] = [];
  let body = whole;
  for (let match = BODY_WAIVER.exec(body); match; match = BODY_WAIVER.exec(body)) {
    const waiver = waiverOf(match[1]!);
    if (!waiver) break;
    waivers.push(...waiver.rules.map((rule) => ({ rule, reason: waiver.reason, at: 'body' })));
    body = body.slice(match[0].length);
  }
  return { body, waivers };
}

/** The fields with these waivers, each above its field; those of fields that are gone are left out. */
export function putIntoFields(yaml: string, waivers: readonly FormWaiver[]): string {
  if (waivers.length === 0) return yaml;
  const lineOf = new Map(placesOf(yaml).map(({ path, line }) => [path.join('.'), line]));
  const above = Map.groupBy(waivers, ({ at }) => lineOf.get(at));
  const lines = yaml.split('\n').flatMap((line, index) => {
    const indent = /^\s*/.exec(line)![0];
    const its = above.get(index + 1) ?? [];
    return [...its.map(({ rule, reason }) => `${indent}# textlint-disable ${rule} -- ${inOneLine(reason)}`), line];
  });
  return lines.join('\n');
}

export function putIntoBody(body: string, waivers: readonly FormWaiver[]): string {
  const lead = waivers.map(({ rule, reason }) => `<!-- textlint-disable ${rule} -- ${inOneLine(reason)} -->`);
  return [...lead, body].join('\n\n').trim();
}
