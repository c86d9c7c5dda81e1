import type { APIContext } from 'astro';
import { expect, test } from 'vitest';
import { onRequest } from '../src/middleware.ts';

const html = { 'Content-Type': 'text/html' };

/** A page that begins, and then goes on as `rest` says. */
const begun = (rest: (stream: ReadableStreamDefaultController) => void, headers: Record<string, string> = html) => {
  const start = (stream: ReadableStreamDefaultController) => stream.enqueue(new TextEncoder().encode('<h1>You are'));
  return new Response(new ReadableStream({ start, pull: rest }), { status: 200, headers });
};

async function asked(answer: () => Response, locals: App.Locals): Promise<Response> {
  const request = new Request('https://amends.example');
  return (await onRequest({ locals, request } as APIContext, async () => answer())) as Response;
}

test('a page that breaks half-way is a 500, of which nothing was sent', async () => {
  const failures: unknown[] = [];
  const error = new Error('maya@rennickpress.example');
  const response = await asked(() => begun((stream) => stream.error(error)), { failed: (one) => failures.push(one) });
  expect([response.status, response.body]).toEqual([500, null]);
  expect(failures).toEqual([error]);
});

test('a page that breaks before it begins is one too; under `npm run dev` the error is shown', async () => {
  const broken = () => {
    throw new Error('broken');
  };
  expect((await asked(broken, { failed: () => {} })).status).toBe(500);
  await expect(asked(broken, {})).rejects.toThrow('broken');
});

test('when there is no room it says so to the error page; of another error it says nothing', async () => {
  const breaks = (code: string) => () => {
    throw Object.assign(new Error('broken'), { code });
  };
  const [full, other]: App.Locals[] = [{ failed: () => {} }, { failed: () => {} }];
  await asked(breaks('SQLITE_FULL'), full!);
  await asked(breaks('SQLITE_CONSTRAINT'), other!);
  expect([full!.away, other!.away]).toEqual([expect.stringContaining('nothing was changed'), undefined]);
});

test('what was sent is no form: that is a 400, and nothing of ours that broke', async () => {
  const failures: unknown[] = [];
  const request = new Request('https://amends.example', { method: 'POST', body: '{"a' });
  const locals: App.Locals = { failed: (one) => failures.push(one) };
  const page = async () => new Response(String(await request.formData()));
  const response = (await onRequest({ locals, request } as APIContext, page)) as Response;
  expect([response.status, failures]).toEqual([400, []]);
});

test('what does not break arrives as it was; a file is not read first', async () => {
  const whole = await asked(() => begun((stream) => stream.close(), { ...html, ETag: 'x' }), { failed: () => {} });
  expect([whole.status, whole.headers.get('etag'), await whole.text()]).toEqual([200, 'x', '<h1>You are']);
  const file = begun((stream) => stream.close(), { 'Content-Type': 'text/csv' });
  expect(await asked(() => file, { failed: () => {} })).toBe(file);
});
