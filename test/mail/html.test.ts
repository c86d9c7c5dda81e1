import { expect, onTestFinished, test, vi } from 'vitest';
import { compose } from '../../src/mail/compose.ts';
import { htmlOf } from '../../src/mail/html.ts';
import { previews } from '../../src/staff/previews.ts';
import { seededDatabase } from '../support/seeded.ts';

/** What a reader of the HTML reads, a word at a time. */
function wordsOfHtml(html: string): string[] {
  const text = html
    .replace(/^[\s\S]*<body[^>]*>/, '')
    .replace(/<(br|\/p|\/blockquote|\/div)[^>]*>/g, ' ')
    .replace(/<[^>]+>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
  return text.split(/\s+/).filter(Boolean);
}

const wordsOfText = (text: string) => text.replace(/^> ?/gm, '').split(/\s+/).filter(Boolean);
const addressesIn = (text: string) => [...text.matchAll(/https?:\/\/[^\s"'<>&]+/g)].map(([address]) => address);

test('every letter says the same words as HTML, shows no picture and leads nowhere that its text does not', async () => {
  const db = await seededDatabase();
  try {
    const letters = await previews(db.read);
    expect(letters.length).toBeGreaterThan(35);
    for (const letter of letters) {
      expect(`${letter.subject}${letter.text}`, letter.id).not.toMatch(/\{\w+\}/);
      const html = await htmlOf(letter);
      expect(wordsOfHtml(html), letter.id).toEqual(wordsOfText(letter.text));
      expect(html, letter.id).not.toMatch(
        /<(img|script|link|iframe|object|form|input|video|svg)\b|url\(|@import|background-image|onload=/i,
      );
      const known = addressesIn(letter.text);
      for (const address of addressesIn(html)) {
        expect(
          known.some((one) => one.startsWith(address)),
          `${letter.id}: ${address}`,
        ).toBe(true);
      }
      const links = [...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href!);
      expect(new Set(links), letter.id).toEqual(new Set(known.map((one) => one.replace(/[.,;:!?)]+$/, ''))));
    }
  } finally {
    await db.cleanup();
  }
});

test('what somebody wrote stays words, whatever it looks like', async () => {
  const text =
    'Hello,\n\n> <img src=x onerror=alert(1)> & "quoted"\n\n</div><script>bad()</script>\n\nhttp://a.example/"onmouseover="x y';
  const html = await htmlOf({ kind: 'invitation', subject: '</title><script>', text });
  expect(html).not.toMatch(/<script|<img|"onmouseover/);
  expect(wordsOfHtml(html)).toEqual(wordsOfText(text));
  expect(html.indexOf('<title>&lt;/title&gt;&lt;script&gt;</title>')).toBeGreaterThan(0);
});

test('a mark that cuts the frame can’t be smuggled in', async () => {
  const html = await htmlOf({ kind: 'fixed', subject: 'a\u2063b', text: 'one \u2063 two' });
  expect(html).toContain('one \u2063 two');
  expect(html.match(/<body/g)).toHaveLength(1);
});

test('a frame that could not be made once is made for the next letter', async () => {
  let broken = true;
  vi.resetModules();
  vi.doMock(import('@react-email/render'), async (original) => {
    const real = await original();
    return { ...real, render: (...args) => (broken ? Promise.reject(new Error('broken')) : real.render(...args)) };
  });
  onTestFinished(() => void vi.doUnmock('@react-email/render'));
  const fresh = await import('../../src/mail/html.ts');
  const letter = { kind: 'fixed', subject: 'Exports', text: 'They finish.' };
  await expect(fresh.htmlOf(letter)).rejects.toThrow('broken');
  broken = false;
  expect(await fresh.htmlOf(letter)).toContain('They finish.');
});

test('the letter goes out as text first, then HTML, and answers go to whoever signed it', async () => {
  const letter = {
    ...{ id: 'l1', to: 'maya@rennickpress.example', fromName: 'Grace Adeyemi', subject: 'Exports', kind: 'invitation' },
    ...{ text: 'Hello Maya,\n\n> Third Monday.\n', sentAt: 0, replyTo: 'grace.adeyemi@northline.example' },
  };
  const raw = String(await compose(letter, { from: 'hello@northline.example', replyTo: 'answers@northline.example' }));
  expect(raw).toMatch(/^Content-Type: multipart\/alternative/m);
  expect(raw.indexOf('text/plain')).toBeLessThan(raw.indexOf('text/html'));
  expect(raw).toMatch(/^Reply-To: Grace Adeyemi <grace\.adeyemi@northline\.example>/m);
  expect(raw).toMatch(/^From: Grace Adeyemi <hello@northline\.example>/m);
});
