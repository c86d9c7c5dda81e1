import { describe, expect, test } from 'vitest';
import { atomFeed, type Entry, entriesOf, jsonFeed, sitemap, xml } from '../../src/proofs/feeds.ts';
import type { IssueWithState } from '../../src/proofs/published.ts';
import type { ProofVersion } from '../../src/proofs/versions.ts';
import { contentFiles } from './folder.ts';

const url = 'https://changes.example';
const files = contentFiles();
const version = (number: number, source: string): ProofVersion => ({
  id: 'exports-finish',
  version: number,
  source,
  assets: { 'failed.csv': files['proofs/exports-finish/failed.csv']! },
  hash: 'a'.repeat(64),
  previousHash: null,
  confirmedBy: 'priya',
  approvedBy: 'grace',
  reason: number === 1 ? null : 'A word was wrong.',
  publishedAt: Date.UTC(2026, 10, 20 + number),
});
const first = version(1, files['proofs/exports-finish/index.md']!);
const second = version(2, first.source.replace('Then we were slow.', 'Then we were late.'));
const back = {
  issue: { id: 'codes-late', data: { title: 'Codes arrive <late> & twice', summary: 'You wait.' } },
  state: { state: 'came_back', since: '2026-11-03', why: ['74 seconds.'] },
} as unknown as IssueWithState;
const entries = entriesOf([second, first], [back], { people: { priya: { name: 'Priya Nair', role: '' } } }, url);
const feed = { organisation: 'Northline', about: 'Reports & more.', url, entries };

describe('what happened, as a feed', () => {
  test('has each version with its own numbers and what it changed, and what came back beside it', () => {
    expect(entries.map(({ id, title }) => [id, title])).toEqual([
      [`${url}/proofs/exports-finish/versions/2`, 'Exports now finish (version 2)'],
      [`${url}/proofs/exports-finish/versions/1`, 'Exports now finish'],
      [`${url}/issues/codes-late#came-back-2026-11-03`, 'Came back on 3 November 2026: Codes arrive <late> & twice'],
    ]);
    expect(entries[0]!.text).toContain('Against version 1: the text: 1 line added, 1 removed.');
    expect(entries[0]!.text).toContain('Confirmed by Priya Nair, approved by grace.');
    expect(entries[1]!.summary).toContain('For 89 days 20% of exports failed.');
  });

  test('as JSON Feed 1.1 it has everything that format requires', () => {
    const json = JSON.parse(JSON.stringify(jsonFeed(feed)));
    expect(json).toMatchObject({ version: 'https://jsonfeed.org/version/1.1', title: 'Northline: what changed' });
    expect(json.feed_url).toBe(`${url}/changes.json`);
    for (const item of json.items) {
      expect(item.id).toMatch(/^https:/);
      expect(item.content_text).not.toBe('');
      expect(item.date_published).toBe(new Date(item.date_published).toISOString());
    }
    expect(new Set(json.items.map((item: Entry) => item.id)).size).toBe(json.items.length);
  });

  test('as Atom it is well formed and has everything RFC 4287 requires', () => {
    const tree = parseXml(atomFeed(feed));
    expect(tree).toMatchObject({ name: 'feed', attributes: { xmlns: 'http://www.w3.org/2005/Atom' } });
    for (const name of ['id', 'title', 'updated', 'author'])
      expect(tree.children.filter((one) => one.name === name)).toHaveLength(1);
    expect(tree.children.find(({ name }) => name === 'author')!.children[0]!.name).toBe('name');
    const links = tree.children.filter(({ name }) => name === 'link').map(({ attributes }) => attributes);
    expect(links).toContainEqual(expect.objectContaining({ rel: 'self', href: `${url}/changes.atom` }));
    const each = tree.children.filter(({ name }) => name === 'entry');
    expect(each).toHaveLength(3);
    for (const entry of each) {
      for (const name of ['id', 'title', 'updated', 'link'])
        expect(entry.children.filter((one) => one.name === name)).toHaveLength(1);
    }
    const titles = each.map((entry) => entry.children.find(({ name }) => name === 'title')!.text);
    expect(titles[2]).toBe('Came back on 3 November 2026: Codes arrive <late> & twice');
  });

  test('without an entry it is still a feed', () => {
    const tree = parseXml(atomFeed({ ...feed, entries: [] }));
    expect(tree.children.find(({ name }) => name === 'updated')!.text).toBe('1970-01-01T00:00:00.000Z');
  });

  test('what XML has no place for is left out, what means something in it is escaped', () => {
    expect(xml('a<b>&"c\'\u0000\u0008\ud800\ufffe 💡')).toBe('a&lt;b&gt;&amp;&quot;c&#39;\ufffd 💡');
    expect(parseXml(`<a b="${xml('"><script>')}">${xml(']]></a>')}</a>`)).toMatchObject({
      text: ']]></a>',
      attributes: { b: '"><script>' },
    });
  });

  test('a sitemap names each page once, with its day where that is known', () => {
    const tree = parseXml(sitemap([{ url: `${url}/` }, { url: `${url}/a?b&c`, at: new Date('2026-11-20T00:00:00Z') }]));
    expect(tree.children.map((one) => one.children.map(({ text }) => text))).toEqual([
      [`${url}/`],
      [`${url}/a?b&c`, '2026-11-20T00:00:00.000Z'],
    ]);
  });
});

type Element = { name: string; attributes: Record<string, string>; children: Element[]; text: string };

/** Reads XML as strictly as these files need; throws on what is not well formed. */
function parseXml(source: string): Element {
  const root: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  const plain = (text: string) => {
    if (/<|&(?!(amp|lt|gt|quot|#39);)/.test(text)) throw new Error(`Not escaped: ${text}`);
    const marks: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
    return text.replace(/&([^;]+);/g, (_, name: string) => marks[name]!);
  };
  const token = /<\?xml[^?]*\?>|<(\/?)([a-z]+)((?:\s[\w:]+="[^"]*")*)\s*(\/?)>|([^<]+)|(<)/gi;
  for (const [, close, name, attributes, empty, text, stray] of source.matchAll(token)) {
    if (stray) throw new Error('A stray <.');
    const top = open.at(-1)!;
    if (text !== undefined) top.text += plain(text);
    else if (close) {
      if (open.pop()!.name !== name) throw new Error(`</${name}> closes nothing.`);
    } else if (name) {
      const pairs = [...attributes!.matchAll(/([\w:]+)="([^"]*)"/g)].map(([, key, value]) => [key!, plain(value!)]);
      const element = { name, attributes: Object.fromEntries(pairs), children: [], text: '' };
      top.children.push(element);
      if (!empty) open.push(element);
    }
  }
  if (open.length !== 1 || root.children.length !== 1) throw new Error('Not one element.');
  return root.children[0]!;
}
