import { expect, test } from 'vitest';
import { keptAlready, publicJson } from '../src/caching.ts';

const ask = (etag?: string) =>
  new Request('https://a.example/', etag === undefined ? {} : { headers: { 'If-None-Match': etag } });
const page = (shown: unknown, etag?: string) => {
  const response = { headers: new Headers() };
  return {
    answer: keptAlready({ request: ask(etag), response }, shown),
    etag: response.headers.get('etag')!,
    response,
  };
};

test('a page that shows the same is not sent again; one that shows anything else is', async () => {
  const first = page([['hash'], 'holding', '2026-11-22']);
  expect(first.answer).toBeNull();
  expect(first.response.headers.get('cache-control')).toBe('public, max-age=0, s-maxage=30, stale-while-revalidate=30');
  const again = page([['hash'], 'holding', '2026-11-22'], first.etag);
  expect(again.answer?.status).toBe(304);
  expect(again.answer?.headers.get('etag')).toBe(first.etag);
  expect(await again.answer?.text()).toBe('');
  for (const other of [
    [['other'], 'holding', '2026-11-22'],
    [['hash'], 'came_back', '2026-11-22'],
    [['hash'], 'holding', '2026-11-23'],
  ]) {
    expect(page(other, first.etag).answer).toBeNull();
  }
});

test('the visitor may name several, weak or not, or any', () => {
  const { etag } = page('a');
  expect(page('a', `"x", ${etag}`).answer?.status).toBe(304);
  expect(page('a', etag.replace('W/', '')).answer?.status).toBe(304);
  expect(page('a', '*').answer?.status).toBe(304);
  expect(page('a', '"x"').answer).toBeNull();
});

test('a file is marked by its content', () => {
  const etag = publicJson(ask(), { a: 1 }).headers.get('etag')!;
  expect(publicJson(ask(etag), { a: 1 }).status).toBe(304);
  expect(publicJson(ask(etag), { a: 2 }).status).toBe(200);
});
