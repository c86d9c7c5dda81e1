import type { ParsedDocument } from '../content.ts';
import type { Slot } from './rule.ts';

/** A piece of prose. `line` is the line of the file in which it begins; a field may be folded over several and is one line here. */
export type Passage = { slot: Slot; text: string; line: number; isField: boolean };

type Path = readonly PropertyKey[];

/** Everything in a document that we say ourselves, in the order of the file. Names, labels of sources and other people's words aren't. */
export function proseOf(document: ParsedDocument): Passage[] {
  const fields = fieldsOf(document)
    .filter((field): field is [Slot, string, Path] => field[1] !== undefined)
    .map(([slot, text, path]) => ({ slot, text, line: document.lineOf(path), isField: true }));
  const slot: Slot = document.collection === 'proofs' ? 'wrong' : 'plain';
  const body = { slot, text: document.body, line: document.bodyLine, isField: false };
  // A proof without a body has still to say what went wrong.
  return document.body.trim() === '' && slot === 'plain' ? fields : [...fields, body];
}

function fieldsOf({ collection, data }: ParsedDocument): [Slot, string | undefined, Path][] {
  switch (collection) {
    case 'site':
      return [['plain', data.about, ['about']]];
    case 'issues':
      return [
        ['title', data.title, ['title']],
        ['plain', data.summary, ['summary']],
        ['plain', data.blocks, ['blocks']],
        ['plain', data.stands, ['stands']],
      ];
    case 'proofs':
      return [
        ['headline', data.headline, ['headline']],
        ['line', data.line, ['line']],
        ['lede', data.lede, ['lede']],
        ['plain', data.no_voice_because, ['no_voice_because']],
        ...data.changes.map(({ what }, index): [Slot, string, Path] => ['changed', what, ['changes', index, 'what']]),
        ...data.series.flatMap(({ title, source, rivals }, index): [Slot, string, Path][] => [
          ['evidence', title, ['series', index, 'title']],
          ['evidence', source, ['series', index, 'source']],
          ...rivals.map(({ label }, at): [Slot, string, Path] => [
            'evidence',
            label,
            ['series', index, 'rivals', at, 'label'],
          ]),
        ]),
        ['plain', data.verified?.reask?.question, ['verified', 'reask', 'question']],
        ['still', data.still_not_right, ['still_not_right']],
      ];
    case 'offers':
      return [
        ...data.better.map(({ what }, index): [Slot, string, Path] => ['plain', what, ['better', index, 'what']]),
        ...data.compared.flatMap(({ label, was, now }, index): [Slot, string, Path][] => [
          ['plain', label, ['compared', index, 'label']],
          ['plain', was, ['compared', index, 'was']],
          ['plain', now, ['compared', index, 'now']],
        ]),
        ...data.kept.map((what, index): [Slot, string, Path] => ['plain', what, ['kept', index]]),
        ...data.promises.map(({ what }, index): [Slot, string, Path] => ['plain', what, ['promises', index, 'what']]),
        ['plain', data.cannot, ['cannot']],
        ['plain', data.ends_because, ['ends_because']],
      ];
    case 'checkins':
      return [['plain', data.question, ['question']]];
    case 'pages':
      return [
        ['plain', data.title, ['title']],
        ['plain', data.lede, ['lede']],
      ];
    case 'letters':
      return [['plain', data.subject, ['subject']]];
    case 'roles':
      return [
        ['plain', data.pay_band, ['pay_band']],
        ...data.compared.flatMap(({ was, now }, index): [Slot, string, Path][] => [
          ['plain', was, ['compared', index, 'was']],
          ['plain', now, ['compared', index, 'now']],
        ]),
        ...(data.next_step?.criteria ?? []).map((text, index): [Slot, string, Path] => [
          'plain',
          text,
          ['next_step', 'criteria', index],
        ]),
        ...data.better.map(({ what }, index): [Slot, string, Path] => ['plain', what, ['better', index, 'what']]),
        ['plain', data.cannot, ['cannot']],
      ];
    case 'reonboarding':
      return [
        ['plain', data.title, ['title']],
        ['plain', data.changed, ['changed']],
      ];
  }
}
