import { listed, maskEmail } from '../../shared/words.ts';
import { textOfHtml } from './html.ts';
import { columnsOfRule, type Field, type FieldRule, type Mapping, slots } from './mapping.ts';
import { asText, isWrong, quoted, short, type Wrong } from './values.ts';

/** What is wrong with a row: the column, its value when it may be shown, and what to do. */
export type Problem = { column: string; value: string | null; sentence: string };

const LONG: ReadonlySet<Field> = new Set(['words', 'note']);

/** A value as a report may show it: short, on one line, addresses masked, nobody's words. */
export function showable(field: Field, value: string): string | null {
  if (value === '' || LONG.has(field)) return null;
  return field === 'email' ? short(maskEmail(value)) : short(value);
}

export type Cells = ReturnType<typeof cellsOf>;

/**
 * The fields of the row at hand, found by the rules of a mapping, and what is wrong with them. Made once a file, because what it asks
 * of the mapping is the same for a million rows; `take` puts the next row in the place of the one before.
 */
export function cellsOf(mapping: Mapping, places: ReadonlyMap<string, number>) {
  let cells: string[] = [];
  let problems: Problem[] = [];
  const blanks = new Set(mapping.blank_means);

  const placeOf = (column: string) => places.get(column.toLowerCase()) ?? -1;
  const pick = (place: number) => cells[place]?.trim() ?? '';
  const unless = (value: string, marks: ReadonlySet<string>) => (marks.has(value) ? '' : value);
  /** What stands in a column, as it is; and the same, '' where the mapping takes it for nothing said. */
  const raw = (column: string) => pick(placeOf(column));
  const cell = (column: string) => unless(raw(column), blanks);
  const cellAt = (place: number) => unless(pick(place), blanks);

  /** Keeps the first problem of a column. */
  function add(problem: Problem): null {
    if (!problems.some(({ column }) => column === problem.column)) problems.push(problem);
    return null;
  }

  function problem(field: Field, value: string, sentence: string): null {
    const rule = mapping.fields[field];
    const column = (rule && columnsOfRule(rule)[0]) ?? field;
    return add({ column, value: showable(field, value), sentence });
  }

  const said = new Map<string, () => string>();
  for (const [field, rule] of Object.entries(mapping.fields)) {
    if (typeof rule !== 'string' || places.has(rule.toLowerCase())) said.set(field, saying(field as Field, rule));
  }

  /** How a field's text is found by its rule; '' when nothing was said. */
  function saying(field: Field, rule: FieldRule): () => string {
    if (typeof rule === 'string') {
      const place = placeOf(rule);
      return blanks.size === 0 ? () => pick(place) : () => cellAt(place);
    }
    if ('always' in rule) return () => rule.always;
    if ('via' in rule) return () => cell(rule.column);
    if ('join' in rule) {
      const read = rule.html ? (column: string) => textOfHtml(cell(column)) : cell;
      return () => rule.join.map(read).filter(Boolean).join('\n\n');
    }
    if ('text' in rule) {
      const columns = slots(rule.text);
      return () => {
        if (rule.unless?.is.includes(raw(rule.unless.column))) return '';
        if (columns.some((column) => cell(column) === '')) return '';
        return rule.text.replace(/\{([^{}]+)\}/g, (_, column: string) => cell(column));
      };
    }
    const columns = typeof rule.column === 'string' ? [rule.column] : rule.column;
    const marks = new Set([...blanks, ...(rule.blank_means ?? [])]);
    const like = rule.like === undefined ? null : new RegExp(rule.like, 'u');
    const { html, fill, before, after, values: meanings } = rule;
    return () => {
      let value = '';
      for (const column of columns) {
        value = unless(raw(column), marks);
        if (value !== '') break;
      }
      if (value === '') return '';
      if (html) value = textOfHtml(value);
      if (fill) value = value.replace(/\{(\w+)\}/g, (slot, name: string) => cell(fill[name] ?? '') || slot);
      if (before !== undefined && value.includes(before)) value = value.slice(0, value.indexOf(before)).trim();
      if (after !== undefined) {
        const from = value.indexOf(after);
        value = from < 0 ? '' : value.slice(from + after.length).trim();
      }
      if (like && !like.test(value)) {
        const sentence = 'is not what stands here in this file’s other rows. Has the row slipped?';
        problem(field, value, `${quoted(value)} ${sentence}`);
        return '';
      }
      if (!meanings) return value;
      if (Object.hasOwn(meanings, value)) return meanings[value]!;
      if (rule.otherwise !== undefined) return rule.otherwise;
      const known = listed(Object.keys(meanings));
      problem(field, value, `${quoted(value)} is none of the values this mapping knows: ${known}.`);
      return '';
    };
  }

  const text = (field: Field) => said.get(field)?.() ?? '';

  /** What a field says, as `understand` takes it; null when it says nothing, and when it is wrong. */
  function read(field: Field): string | null;
  function read<Value>(field: Field, understand: (text: string) => Value | Wrong): Value | null;
  function read<Value>(field: Field, understand?: (text: string) => Value | Wrong): Value | string | null {
    const value = text(field);
    if (value === '') return null;
    const plain = asText(value, LONG.has(field));
    const understood = isWrong(plain) || !understand ? plain : understand(plain);
    return isWrong(understood) ? problem(field, value, understood.wrong) : understood;
  }

  /** The same, of a field that every row must have. */
  function need<Value>(field: Field, understand: (text: string) => Value | Wrong, sentence: string): Value | null {
    const value = read(field, understand);
    return value === null && text(field) === '' ? problem(field, '', sentence) : value;
  }

  return {
    take(row: string[]): void {
      cells = row;
      problems = [];
    },
    problems: (): Problem[] => problems,
    /** Whether the file can say anything about one of these. */
    tellsOf: (fields: readonly Field[]): boolean => fields.some((field) => said.has(field)),
    raw,
    cell,
    cellAt,
    text,
    read,
    need,
    problem,
    add,
  };
}
