/*
 * A text with the room that it takes: how wide it is, where its lines break, and whether it lies on something else.
 */

export type Box = { left: number; top: number; right: number; bottom: number };

export type Label = {
  kind: 'before' | 'after' | 'limit' | 'change' | 'rival' | 'marked' | 'x' | 'y';
  lines: string[];
  x: number;
  /** Baseline of the first line. */
  y: number;
  anchor: 'start' | 'middle' | 'end';
  /** The room it takes. */
  box: Box;
};

export type Text = { textSize: number; lineHeight: number };

/** Widths of Source Sans 3 at weight 600, in thousandths of its size. What isn't here is taken as wide. */
const WIDTHS: Record<string, number> = {
  ' ': 200,
  '%': 841,
  '£': 513,
  '€': 513,
  '–': 520,
  '“': 490,
  '”': 490,
  '’': 280,
};
for (const [characters, width] of [
  ["ijlI.,:;'!|", 320],
  ['ft()[]-/r', 375],
  ['0123456789$+', 513],
  ['csz?EFL_', 545],
  ['abdeghknopquvxy', 565],
  ['ABCDGHJKNOPQRSTUVXYZ&', 675],
  ['mwMW@', 875],
] as const) {
  for (const character of characters) WIDTHS[character] = width;
}

/** How wide a text is at most, in the units of its size. */
export function textWidth(text: string, size: number): number {
  let width = 0;
  for (const character of text) width += WIDTHS[character] ?? 1000;
  return (width * size) / 1000;
}

/** Lines no wider than `room`, broken between words; a word that is wider by itself is broken inside. */
export function wrapped(text: string, room: number, size: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(/\s+/).filter(Boolean)) {
    let rest = word;
    const joined = current === '' ? rest : `${current} ${rest}`;
    if (textWidth(joined, size) <= room) {
      current = joined;
      continue;
    }
    if (current !== '') lines.push(current);
    while (textWidth(rest, size) > room && [...rest].length > 1) {
      const characters = [...rest];
      let fits = 1;
      while (textWidth(characters.slice(0, fits + 1).join(''), size) <= room) fits += 1;
      lines.push(characters.slice(0, fits).join(''));
      rest = characters.slice(fits).join('');
    }
    current = rest;
  }
  if (current !== '') lines.push(current);
  return lines;
}

/** A label whose first line has its middle at `middle`. */
export function labelAt(
  kind: Label['kind'],
  lines: string[],
  x: number,
  middle: number,
  anchor: Label['anchor'],
  { textSize, lineHeight }: Text,
): Label {
  const width = Math.max(...lines.map((one) => textWidth(one, textSize)));
  const left = anchor === 'start' ? x : anchor === 'end' ? x - width : x - width / 2;
  const top = middle - lineHeight / 2;
  return {
    kind,
    lines,
    x,
    y: middle + textSize * 0.34,
    anchor,
    box: { left, top, right: left + width, bottom: top + lineHeight * lines.length },
  };
}

export function overlap(a: Box, b: Box): number {
  const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return across > 0 && down > 0 ? across * down : 0;
}

export function shift(label: Label, by: number): void {
  label.x += by;
  label.box = { ...label.box, left: label.box.left + by, right: label.box.right + by };
}

export function grown(box: Box, by: number): Box {
  return { left: box.left - by, top: box.top - by, right: box.right + by, bottom: box.bottom + by };
}

export function contains(box: Box, x: number, y: number): boolean {
  return x > box.left && x < box.right && y > box.top && y < box.bottom;
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export function rounded(label: Label): Label {
  return { ...label, x: round(label.x), y: round(label.y) };
}
