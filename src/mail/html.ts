import { createElement as h, type ReactNode } from 'react';
import { BY_HAND, CODES } from './kinds.ts';

/*
 * The same letter as HTML: its text, paragraph by paragraph, in a frame that is rendered once for each look and filled after that.
 * No picture, no address but those of the text, nothing that tells us whether it was opened. The text stays the letter.
 */

type Look = 'by hand' | 'code' | 'plain';

const lookOf = (kind: string): Look => (BY_HAND.includes(kind) ? 'by hand' : CODES.includes(kind) ? 'code' : 'plain');

/** A frame cut where the letter goes: what stands before and after each of its parts. */
type Frame = Record<'frame' | 'text' | 'address' | 'quote' | 'small' | 'code', string[]>;

const frames = new Map<Look, Promise<Frame>>();

/** The HTML part of a letter as it leaves. */
export async function htmlOf(letter: { subject: string; text: string; kind: string }): Promise<string> {
  const look = lookOf(letter.kind);
  let frame = frames.get(look);
  if (!frame) {
    frame = renderFrame(look);
    frames.set(look, frame);
    frame.catch(() => frames.delete(look)); // the next letter tries again
  }
  return fillFrame(await frame, letter);
}

function fillFrame(frame: Frame, { subject, text }: { subject: string; text: string }): string {
  const paragraphs = text.trim().split(/\n[ \t]*\n\s*/);
  const body = paragraphs.map((paragraph, at) => {
    const lines = paragraph.split('\n');
    if (lines.every((line) => /^>( |$)/.test(line))) {
      return put(frame.quote, lines.map((line) => escaped(line.slice(2))).join('<br>'));
    }
    if (/^\d{6}$/.test(paragraph.trim())) return put(frame.code, escaped(paragraph.trim()));
    // The last line of a letter to a person is the one that stops them.
    const last = at > 0 && at === paragraphs.length - 1 && /https?:/.test(paragraph);
    return put(last ? frame.small : frame.text, lines.map((line) => withAddresses(line, frame.address)).join('<br>'));
  });
  const [before, between, after] = frame.frame as [string, string, string];
  return `${before}${escaped(subject)}${between}${body.join('')}${after}`;
}

const put = ([before, after]: string[], inner: string) => `${before}${inner}${after}`;

/** Addresses can be followed; what is said stays as it is. */
function withAddresses(line: string, [open, middle, close]: string[]): string {
  return line
    .split(/(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)])/)
    .map((part, at) => (at % 2 === 1 ? `${open}${escaped(part)}${middle}${escaped(part)}${close}` : escaped(part)))
    .join('');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

const MARK = '\u2063';
const SERIF = 'Georgia, "Times New Roman", serif';
const SANS = 'system-ui, -apple-system, "Segoe UI", Arial, sans-serif';

/** Colours of the site’s own paper and ink; mail programs that are dark take the second set. */
const STYLES = `
body{margin:0;padding:0;background:#fbfaf7;color:#16202b}
a{color:#0b4f8a}
blockquote{border-color:#a5812e}
@media (prefers-color-scheme:dark){
body,.paper{background:#12171d!important;color:#edeae3!important}
a{color:#8fc2f5!important}
.small{color:#a9b0b7!important}
blockquote{border-color:#c9a75a!important}
}`;

async function renderFrame(look: Look): Promise<Frame> {
  // Here and not at the top: 20 MB that only whoever sends or previews a letter needs.
  const { render } = await import('@react-email/render');
  const paragraph = { margin: '0 0 16px', overflowWrap: 'break-word' as const };
  const parts: ReactNode[] = [
    h('p', { key: 'text', style: paragraph }, MARK),
    h('a', { key: 'address', href: MARK, style: { color: '#0b4f8a', overflowWrap: 'anywhere' } }, MARK),
    h(
      'blockquote',
      { key: 'quote', style: { ...paragraph, padding: '0 0 0 14px', borderLeft: '3px solid #a5812e' } },
      MARK,
    ),
    h(
      'p',
      { key: 'small', className: 'small', style: { ...paragraph, margin: '32px 0 0', fontSize: 14, color: '#4a545f' } },
      MARK,
    ),
    h('p', { key: 'code', style: { ...paragraph, fontSize: 28, letterSpacing: 4, fontFamily: 'monospace' } }, MARK),
  ];
  const document = h(
    'html',
    { lang: 'en-GB' },
    h(
      'head',
      null,
      h('meta', { charSet: 'utf-8' }),
      h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      h('meta', { name: 'color-scheme', content: 'light dark' }),
      h('meta', { name: 'supported-color-schemes', content: 'light dark' }),
      h('title', null, MARK),
      h('style', null, STYLES),
    ),
    h(
      'body',
      null,
      h(
        'div',
        {
          className: 'paper',
          style: {
            maxWidth: 544,
            margin: '0 auto',
            padding: '24px 16px 32px',
            fontFamily: look === 'by hand' ? SERIF : SANS,
            fontSize: look === 'by hand' ? 18 : 16,
            lineHeight: 1.55,
          },
        },
        ...parts,
      ),
    ),
  );
  const rendered = (await render(document)).replace(/<!--[\s\S]*?-->/g, '');
  // The library’s own document type names an address, and no mail program asks for it.
  return cut(rendered.replace(/^<!DOCTYPE[^>]*>/i, '<!doctype html>'));
}

/** The rendered page, cut at its marks: around the title, around the letter, and around each part of it. */
function cut(rendered: string): Frame {
  const div = rendered.indexOf('>', rendered.indexOf('<div')) + 1;
  const end = rendered.lastIndexOf('</div>');
  const [before, rest] = rendered.slice(0, div).split(MARK) as [string, string];
  const inner = rendered.slice(div, end);
  const part = (tag: string, at: number) => {
    const from = [...inner.matchAll(new RegExp(`<${tag}[ >]`, 'g'))][at]!.index;
    return inner.slice(from, inner.indexOf(`</${tag}>`, from) + tag.length + 3).split(MARK);
  };
  return {
    frame: [before, rest, rendered.slice(end)],
    text: part('p', 0),
    address: part('a', 0),
    quote: part('blockquote', 0),
    small: part('p', 1),
    code: part('p', 2),
  };
}
