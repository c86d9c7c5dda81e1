import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Outgoing } from '../../src/mail/delivery.ts';
import { mailboxTransport, readMailbox, whereLettersWait } from '../../src/mail/mailbox.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'amends-mailbox-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return join(path, 'box');
}

const letter = (id: string, sentAt: number): Outgoing => {
  return { id, to: 'maya@rennickpress.example', fromName: 'Priya', subject: id, text: 'Hello', sentAt, kind: 'back' };
};

test('a mailbox that nobody has written to is empty', async () => {
  expect(await readMailbox(folder())).toEqual([]);
});

test('letters come back as they went, newest first, and one sent twice is one', async () => {
  const box = folder();
  const send = mailboxTransport(box);
  await send(letter('a', 1));
  await send(letter('b', 2));
  await send({ ...letter('a', 3), text: 'Again' });
  expect(await readMailbox(box)).toEqual([{ ...letter('a', 3), text: 'Again' }, letter('b', 2)]);
});

test('only this user may read it, and a half-written letter is not in it', async () => {
  const box = folder();
  await mailboxTransport(box)(letter('a', 1));
  writeFileSync(join(box, 'b.json.part'), '{"id":');
  expect(await readMailbox(box)).toHaveLength(1);
  expect(statSync(box).mode & 0o077).toBe(0);
  for (const name of readdirSync(box).filter((each) => each.endsWith('.json')))
    expect(statSync(join(box, name)).mode & 0o077).toBe(0);
});

test('where no mail is sent, whoever waits for a letter is told where it lies', () => {
  expect(whereLettersWait('http://127.0.0.1:4321', '.data/mailbox')).toEqual({
    sentence: 'No mail server is set, so no letter leaves this machine: it waits in a mailbox here.',
    link: { href: '/demo/mailbox', label: 'Read it there' },
  });
  // The mailbox is shown to the machine itself only.
  expect(whereLettersWait('https://amends.harbour.example', '/var/post')).toEqual({
    sentence:
      'No mail server is set, so no letter is sent. Whoever runs this site finds it in the folder /var/post on its machine.',
    link: null,
  });
});
