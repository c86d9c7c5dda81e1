import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { compose, isAddress } from '../../src/mail/compose.ts';
import type { Outgoing } from '../../src/mail/delivery.ts';

/*
 * Letters whose every field is what an attacker would put there: line breaks of all sorts, headers, encoded words, half
 * characters. None of it may begin a header, move the text, change who gets it, or make anything load from elsewhere.
 */

const { values } = parseArgs({ options: { letters: { type: 'string', default: '100000' }, seed: { type: 'string' } } });
const wanted = Number(values.letters);
const seed = Number(values.seed ?? Date.now() % 1_000_000);

const PIECES = [
  ...[
    '\r',
    '\n',
    '\r\n',
    '\r\n\r\n',
    '\n\n',
    '\r\n ',
    '\r\n\t',
    '\u2028',
    '\u2029',
    '\u0085',
    '\0',
    '\x0b',
    '\x0c',
    '\x1b',
  ],
  ...[
    'Bcc: eve@evil.example',
    'X-Injected: yes',
    'Content-Type: text/html',
    'To: eve@evil.example',
    'DKIM-Signature: v=1',
  ],
  ...[
    '=?utf-8?Q?=0D=0ABcc:_eve@evil.example?=',
    '=?utf-8?B?DQpCY2M6IGV2ZUBldmlsLmV4YW1wbGU=?=',
    '%0d%0aBcc:',
    '\\r\\n',
  ],
  ...[
    '<img src="https://evil.example/p.gif">',
    '">',
    '</a>',
    '<',
    '>',
    '"',
    "'",
    ',',
    ';',
    ':',
    '(',
    ')',
    '@',
    '\\',
    '--',
    '.',
    '\r\n.\r\n',
  ],
  ...[
    'a',
    ' ',
    '\t',
    'é',
    '👍',
    '\ud800',
    '\udc00',
    'https://evil.example/',
    'mailto:eve@evil.example',
    'x'.repeat(1200),
  ],
];
let state = seed + 1;
function below(most: number): number {
  state = (state * 48_271) % 2_147_483_647;
  return state % most;
}
const nasty = () => Array.from({ length: below(8) }, () => PIECES[below(PIECES.length)]!).join('');
/** Half of the time something that passes at first sight. */
const address = () => (below(2) ? `maya${nasty()}@rennickpress.example` : `maya@rennickpress.example${nasty()}`);
const link = () => `https://amends.example/stop/AAAA${below(2) ? nasty() : ''}`;

const ALLOWED = new Set(
  'auto-submitted content-transfer-encoding content-type date from list-unsubscribe list-unsubscribe-post message-id mime-version reply-to subject to'.split(
    ' ',
  ),
);
const sender = { from: 'hello@northline.example', replyTo: 'answers@northline.example' };
const found = { headers: 0, twice: 0, recipients: 0, bareLines: 0, loads: 0 };
let [composed, refused] = [0, 0];
const began = performance.now();
for (let n = 0; n < wanted; n += 1) {
  const letter: Outgoing = {
    id: below(4) ? '019aa000-0000-7000-8000-000000000000' : nasty(),
    to: below(3) ? 'maya@rennickpress.example' : address(),
    fromName: nasty(),
    subject: nasty(),
    text: nasty(),
    sentAt: 1_790_000_000_000,
    kind: ['back', 'invitation', 'code'][below(3)]!,
    ...(below(3) ? { stopLink: link() } : {}),
  };
  const message = (await compose(letter, sender))?.toString('latin1');
  if (message === undefined) {
    refused += 1;
    if (isAddress(letter.to)) throw new Error(`A letter to a good address was refused, seed ${seed}, letter ${n}.`);
    continue;
  }
  composed += 1;
  const head = message.slice(0, message.indexOf('\r\n\r\n'));
  if (/\r(?!\n)|(?<!\r)\n|\0/.test(head)) found.bareLines += 1;
  const seen = new Set<string>();
  for (const line of head.split(/\r\n(?![ \t])/)) {
    const name = line.slice(0, line.indexOf(':')).toLowerCase();
    if (!ALLOWED.has(name)) found.headers += 1;
    if (seen.has(name)) found.twice += 1;
    seen.add(name);
  }
  const to =
    /^to: (.*(?:\r\n[ \t].*)*)/im
      .exec(head)?.[1]
      ?.replace(/\r\n[ \t]/g, '')
      .replace(/^<|>$/g, '') ?? '';
  if (to.includes(',') || !to.endsWith('.example') || /evil/.test(to))
    found.recipients += isAddress(letter.to) && !to.includes(',') ? 0 : 1;
  if (/^content-type:\s*multipart|^content-type:\s*text\/html/im.test(head)) {
    // A part that programs draw: nothing in it may be fetched by looking at it.
    const drawn = message.slice(message.search(/content-type:\s*text\/html/i));
    if (
      /<(img|link|iframe|script|object|embed|video|audio)\b|\bbackground=|url\(|@import/i.test(
        drawn.replace(/=\r\n/g, ''),
      )
    )
      found.loads += 1;
  }
}
const seconds = (performance.now() - began) / 1000;
console.log(
  `${wanted} letters in ${Math.round(seconds)} s, seed ${seed}: ${composed} made, ${refused} refused for their address; load ${loadavg()[0]!.toFixed(1)}`,
);
console.log(
  `headers that began in a field ${found.headers}, headers twice ${found.twice}, bare line breaks ${found.bareLines}, other recipients ${found.recipients}, things that load by looking ${found.loads}`,
);
const held = Object.values(found).every((many) => many === 0);
console.log(held ? 'It held.' : 'It did not hold.');
process.exitCode = held ? 0 : 1;
