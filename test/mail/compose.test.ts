import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { expect, test } from 'vitest';
import { compose, isAddress } from '../../src/mail/compose.ts';
import type { Outgoing } from '../../src/mail/delivery.ts';
import { dkimRecord } from '../../src/mail/inspect.ts';

const SENDER = { from: 'hello@northline.example', replyTo: 'answers@northline.example' };
const LETTER: Outgoing = {
  id: '019aa000-0000-7000-8000-000000000000',
  to: 'maya@rennickpress.example',
  fromName: 'Priya Nair',
  subject: 'You are back',
  text: 'Hello\n\nhttps://amends.example/for/x\n',
  sentAt: Date.parse('2026-11-22T10:00:00Z'),
  kind: 'back',
  stopLink: 'https://amends.example/stop/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
};

const raw = async (letter: Partial<Outgoing> = {}, sender: Parameters<typeof compose>[1] = SENDER) =>
  (await compose({ ...LETTER, ...letter }, sender))?.toString() ?? null;

const headersIn = (message: string) =>
  message
    .slice(0, message.indexOf('\r\n\r\n'))
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .map((line) => line.slice(0, line.indexOf(':')));

test('the headers are these, and no others', async () => {
  expect(headersIn((await raw())!).toSorted()).toEqual([
    'Auto-Submitted',
    'Content-Type',
    'Date',
    'From',
    'List-Unsubscribe',
    'List-Unsubscribe-Post',
    'MIME-Version',
    'Message-ID',
    'Reply-To',
    'Subject',
    'To',
  ]);
});

test('a letter that a person wrote does not call itself automatic; one to staff offers no stop', async () => {
  expect(headersIn((await raw({ kind: 'invitation' }))!)).not.toContain('Auto-Submitted');
  const { stopLink: _, ...toStaff } = LETTER;
  const headers = headersIn((await compose(toStaff, SENDER))!.toString());
  expect(headers.filter((name) => name.startsWith('List-'))).toEqual([]);
});

test('one press only goes to https: elsewhere there is just the link', async () => {
  const headers = headersIn((await raw({ stopLink: LETTER.stopLink!.replace('https', 'http') }))!);
  expect(headers.filter((name) => name.startsWith('List-'))).toEqual(['List-Unsubscribe']);
});

test('whatever a person, a colleague or a document wrote, it begins no header and moves no text', async () => {
  // With an empty text there is one part alone, and it says its encoding above.
  const usual = new Set([...headersIn((await raw())!), 'Content-Transfer-Encoding']);
  // An empty subject or text has no header of its own; more than the usual ones, or one twice, there never is.
  const strangers = (message: string) => {
    const seen = new Set<string>();
    return headersIn(message).filter((name) => !usual.has(name) || seen.has(name) || !seen.add(name));
  };
  const nasty = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(
        fc.constantFrom(
          ...[
            '\r',
            '\n',
            '\r\n',
            '\r\n\r\n',
            '\u2028',
            '\u0085',
            '\0',
            'Bcc: eve@evil.example',
            'a',
            ' ',
            ':',
            '<',
            '>',
          ],
          ...[
            '=?utf-8?Q?=0D=0ABcc:eve@evil.example?=',
            '"',
            '\\',
            ',',
            ';',
            '(',
            ')',
            '\ud800',
            'é',
            '@',
            '\t',
            '\x0b',
          ],
        ),
      )
      .map((parts) => parts.join('')),
  );
  await fc.assert(
    fc.asyncProperty(nasty, nasty, nasty, nasty, async (fromName, subject, text, other) => {
      const message = (await raw({ fromName, subject, text }))!;
      expect(strangers(message)).toEqual([]);
      const read = await PostalMime.parse(message);
      expect(read.to).toMatchObject([{ address: LETTER.to }]);
      expect(read.from).toMatchObject({ address: SENDER.from });
      expect(read.replyTo).toMatchObject([{ address: SENDER.replyTo }]);
      expect([read.cc, read.bcc]).toEqual([undefined, undefined]);
      const strange = await raw({ stopLink: other, id: other });
      expect(strangers(strange!)).toEqual([]);
      const elsewhere = await raw({ to: other });
      if (!isAddress(other)) expect(elsewhere).toBeNull();
      else expect(strangers(elsewhere!)).toEqual([]);
    }),
    { numRuns: Number(process.env['AMENDS_FUZZ'] ?? 200) },
  );
}, 600_000);

test('long lines, dots and other scripts arrive as they were written', async () => {
  const text = `.\n..\nFrom here\n${'x'.repeat(2000)}\nŁódź, 東京, 👍\n\n${LETTER.stopLink}\n`;
  const read = await PostalMime.parse((await raw({ text, subject: 'Łódź 👍', fromName: 'Łukasz Żak' }))!);
  expect(read.text!.trim()).toBe(text.trim());
  expect(read.subject).toBe('Łódź 👍');
  expect(read.from!.name).toBe('Łukasz Żak');
});

test('the same letter has the same Message-ID on another day', async () => {
  const idOf = (message: string | null) => /^Message-ID: (.*)$/m.exec(message!)![1];
  expect(idOf(await raw())).toBe(idOf(await raw({ sentAt: LETTER.sentAt + 86_400_000, text: 'other links' })));
  expect(idOf(await raw())).not.toBe(idOf(await raw({ id: '019aa000-0000-7000-8000-000000000001' })));
});

/**
 * Whether the signature holds, as RFC 6376 says it is verified: relaxed headers, each `h=` name taken from the bottom, and the body’s
 * own hash. Our reading of the RFC, not the signer’s code.
 */
function signatureHolds(message: string, publicKey: string): boolean {
  const end = message.indexOf('\r\n\r\n');
  const headers = message.slice(0, end).split(/\r\n(?![ \t])/);
  const relaxed = (header: string) => {
    const at = header.indexOf(':');
    const value = header
      .slice(at + 1)
      .replace(/\r\n/g, '')
      .replace(/[ \t]+/g, ' ')
      .trim();
    return `${header.slice(0, at).toLowerCase().trim()}:${value}`;
  };
  const signature = headers.find((header) => /^dkim-signature:/i.test(header))!;
  const tags = new Map(
    relaxed(signature)
      .slice('dkim-signature:'.length)
      .split(';')
      .map((tag) => {
        const at = tag.indexOf('=');
        return [tag.slice(0, at).trim(), tag.slice(at + 1).trim()];
      }),
  );
  const body = message
    .slice(end + 4)
    .replace(/[ \t]+(?=\r\n)/g, '')
    .replace(/[ \t]+/g, ' ')
    .replace(/(\r\n)*$/, '\r\n');
  if (createHash('sha256').update(body).digest('base64') !== tags.get('bh')!.replace(/\s/g, '')) return false;
  const left = headers.filter((header) => header !== signature);
  const signed = tags
    .get('h')!
    .split(':')
    .flatMap((name) => {
      const at = left.findLastIndex(
        (header) => header.slice(0, header.indexOf(':')).toLowerCase() === name.trim().toLowerCase(),
      );
      return at < 0 ? [] : left.splice(at, 1).map((header) => `${relaxed(header)}\r\n`);
    });
  const own = relaxed(signature.replace(/(\bb=)[^;]*$/, '$1'));
  const bytes = Buffer.from(tags.get('b')!.replace(/\s/g, ''), 'base64');
  return verify('sha256', Buffer.from(signed.join('') + own), publicKey, bytes);
}

test('the signature holds, and for no other text, subject or stop link; the record to publish is its key', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const dkim = { domainName: 'northline.example', keySelector: 'amends', privateKey };
  const text = `Łódź   with  spaces \n\n${'long '.repeat(60)}\n.\n\n\n`;
  const message = (await raw({ text, subject: 'Łódź 👍', fromName: 'Łukasz Żak' }, { ...SENDER, dkim }))!;
  expect(signatureHolds(message, publicKey)).toBe(true);
  expect(signatureHolds(message.replace(/^Date: .*$/m, 'Date: Mon, 23 Nov 2026 10:00:00 +0000'), publicKey)).toBe(
    false,
  );
  expect(signatureHolds(message.replace('One-Click', 'Two-Click'), publicKey)).toBe(false);
  expect(signatureHolds(message.replace('/stop/AAAA', '/stop/AAAB'), publicKey)).toBe(false);
  expect(signatureHolds(`${message.trimEnd()} more\r\n`, publicKey)).toBe(false);
  const published = /p=(.+)$/.exec(dkimRecord(privateKey)!)![1]!;
  expect(publicKey.replace(/-----.*-----|\s/g, '')).toBe(published);
});

test('with a key the letter is signed, both stop headers included', async () => {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const dkim = { domainName: 'northline.example', keySelector: 'amends', privateKey };
  const message = (await raw({}, { ...SENDER, dkim }))!.replace(/\r\n[ \t]+/g, ' ');
  const signature = /^DKIM-Signature: .*$/m.exec(message)![0];
  expect(signature).toContain('d=northline.example; q=dns/txt; s=amends;');
  const signed = /\bh=([^;]+);/.exec(signature)![1]!.toLowerCase().replace(/\s/g, '').split(':');
  expect(signed).toEqual(
    expect.arrayContaining(['list-unsubscribe', 'list-unsubscribe-post', 'from', 'to', 'subject']),
  );
});
