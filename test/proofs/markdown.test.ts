import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderInline, renderProse } from '../../src/proofs/markdown.ts';

describe('prose', () => {
  test('becomes paragraphs, with curly quotes and strong words', () => {
    expect(renderProse('It\'s **one** "worker".\n\n- a\n- b')).toBe(
      '<p>It’s <strong>one</strong> “worker”.</p>\n<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n',
    );
    expect(renderInline('**Each export** has one.')).toBe('<strong>Each export</strong> has one.');
  });

  test('shows HTML as text', () => {
    expect(renderProse('<script>alert(1)</script>')).toContain('&lt;script&gt;');
    expect(renderInline('<img src=x onerror=alert(1)>')).not.toContain('<img');
  });

  test.each([
    'https://example.org/a',
    '/how-we-count',
    '#evidence',
    'mailto:answers@northline.example',
    'terms-clause-7.md',
  ])('links to %s', (href) => {
    expect(renderInline(`[here](${href})`)).toBe(`<a href="${href}">here</a>`);
  });

  test.each([
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    '&#106;avascript:alert(1)',
    'java&#10;script:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'http://example.org',
    '//evil.example',
    'file:///etc/passwd',
  ])('does not link to %s', (href) => {
    expect(renderInline(`[here](${href})`)).not.toContain('<a ');
    expect(renderInline(`<${href}>`)).not.toContain('<a ');
    expect(renderProse(`[here][1]\n\n[1]: ${href}`)).not.toContain('<a ');
  });

  test('a backslash can not turn a page of this site into another one', () => {
    for (const href of ['/\\evil.example', '/&#92;evil.example', '/&#10;/evil.example']) {
      const [, written] = /href="([^"]*)"/.exec(renderInline(`[here](${href})`)) ?? [];
      expect(new URL(written ?? '', 'https://ours.example').host).toBe('ours.example');
    }
  });

  test('makes no picture, which would load from somewhere else', () => {
    expect(renderInline('![seen](https://evil.example/pixel.png)')).not.toContain('<img');
  });

  test('never lets a tag or an attribute of the writer through', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '"',
      "'",
      'a',
      '[',
      ']',
      '(',
      ')',
      'javascript:',
      '/',
      '\\',
      '`',
      '*',
      ' ',
      '\n',
      '&#',
      '!',
      'onx=',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const html = renderProse(pieces.join(''));
        const tags = html.match(/<[^>]*>/g) ?? [];
        for (const tag of tags) {
          expect(tag).toMatch(/^<\/?(p|em|strong|code|pre|a|ul|ol|li|blockquote|h[1-6]|br|hr)( href="[^"]*")*\s?\/?>$/);
          expect(tag).not.toMatch(/javascript:/i);
        }
      }),
      { numRuns: 500 },
    );
  });
});
