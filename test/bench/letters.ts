import { render } from '@react-email/render';
import { sql } from 'drizzle-orm';
import { createTransport } from 'nodemailer';
import { createElement as h } from 'react';
import { letters } from '../../db/schema/mail.ts';
import { persons } from '../../db/schema/people.ts';
import { heldBecause, mintFor } from '../../src/invitations/letters.ts';
import { deliverDueLetters, fill } from '../../src/mail/delivery.ts';
import { htmlOf } from '../../src/mail/html.ts';
import { postLetter } from '../../src/mail/outbox.ts';
import { openSmtp } from '../../src/mail/smtp.ts';
import { publishedLetter } from '../../src/proofs/published.ts';
import { mintSecret } from '../../src/shared/secrets.ts';
import { startSink } from '../mail/smtp-sink.ts';
import { seededDatabase } from '../support/seeded.ts';
import { type Bench, count, type Figure, inTurns, median, perSecond } from './figures.ts';
import { addPeople } from './people.ts';

/* Personal letters: written as text and as HTML, and handed to a mail server on this machine. */

/** The check-in of one person; its two links are minted when it is sent. */
const slotsOf = (at: number) => ({
  firstName: `Name${at}`,
  question: 'Do your exports finish now?',
  saidOn: '2 June 2026',
  theirWords: `“It happened on Monday ${at}, and nobody told me what to do next.”`,
  measured: `${at % 60} of 100 exports failed in the week you left; in the last week, 0.`,
  sender: 'Priya Nair',
});
const linksOf = () => ({
  link: `https://amends.example/check-in/${mintSecret()}`,
  stopLink: `https://amends.example/stop/${mintSecret()}`,
});

export async function rendering(bench: Bench): Promise<Figure[]> {
  const db = await seededDatabase();
  const letter = (await publishedLetter(db.read, 'checkin'))!;
  await db.cleanup();
  const many = bench.quick ? 10_000 : 100_000;
  const few = many / 100;

  // As the outbox keeps it, and as it leaves.
  const ours = async (at: number) => {
    const subject = fill(letter.data.subject, slotsOf(at));
    const text = fill(fill(letter.body, slotsOf(at)), linksOf());
    return { text, html: await htmlOf({ subject, text, kind: 'checkin' }) };
  };

  // The same bytes from pieces that only have to be put together.
  const marks = { link: 'https://amends.example/check-in/{token}', stopLink: 'https://amends.example/stop/{other}' };
  const text = fill(letter.body, marks);
  const [textPieces, htmlPieces] = [
    text.split(/\{(\w+)\}/),
    (await htmlOf({ subject: letter.data.subject, text, kind: 'checkin' })).split(/\{(\w+)\}/),
  ];
  const put = (pieces: string[], values: Record<string, string>) => {
    let all = pieces[0]!;
    for (let at = 1; at < pieces.length; at += 2) all += values[pieces[at]!]! + pieces[at + 1]!;
    return all;
  };
  const bare = (at: number) => {
    const values: Record<string, string> = { ...slotsOf(at), token: mintSecret(), other: mintSecret() };
    const plain = put(textPieces, values);
    for (const name of Object.keys(values))
      values[name] = values[name]!.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
    return { text: plain, html: put(htmlPieces, values) };
  };

  // The library that our frames are made with, asked once for each letter.
  const peer = async (at: number) => {
    const paragraphs = fill(fill(letter.body, slotsOf(at)), linksOf()).split('\n\n');
    const style = { margin: '0 0 16px', fontSize: 16, lineHeight: 1.55 };
    const body = h('body', null, ...paragraphs.map((one) => h('p', { style }, one)));
    const document = h('html', { lang: 'en-GB' }, h('head', null, h('title', null, letter.data.subject)), body);
    return { text: await render(document, { plainText: true }), html: await render(document) };
  };

  // What is made once, and what V8 makes of it, before anything is timed.
  await peer(0);
  for (let at = 0; at < 3000; at += 1) await ours(at).then(() => bare(at));
  const theirs: number[] = [];
  const [mine, limit] = await inTurns(
    bench,
    () =>
      perSecond(many, async () => {
        for (let at = 0; at < many; at += 1) await ours(at);
      }),
    async () => {
      theirs.push(
        await perSecond(few, async () => {
          for (let at = 0; at < few; at += 1) await peer(at);
        }),
      );
      return perSecond(many, () => {
        for (let at = 0; at < many; at += 1) bare(at);
      });
    },
  );
  const [rate, ratio, beside] = [median(mine), median(mine) / median(limit), median(mine) / median(theirs)];
  return [
    {
      id: 'B9',
      what: 'personal letters as text and HTML',
      figure: `${count(rate)}/s, ${count(beside)} × @react-email/render for each (${count(median(theirs))}/s)`,
      limit: `${count(median(limit))}/s: the same put together from pieces`,
      ratio,
      target: 'at least 0.60, and 20 × the peer',
      reached: ratio >= 0.6 && beside >= 20,
    },
  ];
}

export async function sending(bench: Bench): Promise<Figure[]> {
  const many = bench.quick ? 300 : 1000;
  const db = await seededDatabase();
  await addPeople(db, many, new Date());
  await db.write((tx) => tx.delete(letters));
  const people = await db.read.select().from(persons).where(sql`source = 'bench'`);
  const sink = await startSink('--only-envelopes');
  const [ours, pool] = await inTurns(
    { ...bench, rounds: 2 },
    async (round) => {
      await db.write(async (tx) => {
        for (const { id, email } of people) {
          const written = {
            cause: `bench:${round}:${id}`,
            kind: 'came-back',
            personId: id,
            to: email!,
            fromName: 'Priya Nair',
            subject: 'It came back',
            body: 'Your page says what we know today:\n\n{link}\n\nStop our letters: {stopLink}\n',
            mint: { link: 'page', stopLink: 'stop' },
          };
          await postLetter(tx, written, new Date());
        }
      });
      const smtp = openSmtp(sink.url);
      const transport = smtp.transport({ from: 'hello@northline.example', replyTo: 'answers@northline.example' });
      const server = {
        pace: { perMinute: 1_000_000, perDomain: 1_000_000 },
        connections: 5,
        fence: `${db.path}.sending`,
        tooLateAfter: 86_400_000,
        quietUntil: async () => null,
        onBounced: async () => {},
      };
      const delivery = { transport, heldBecause, mint: mintFor('https://amends.example'), server };
      const rate = await perSecond(many, async () => {
        const sent = await deliverDueLetters(db, delivery, () => new Date(), many * 2);
        if (sent !== many) throw new Error(`${sent} of ${many} letters left.`);
      });
      smtp.close();
      return rate;
    },
    async () => {
      const five = { url: sink.url, pool: true, maxConnections: 5, maxMessages: Number.POSITIVE_INFINITY };
      const open = createTransport(five as object);
      const text = `Your page says what we know today:\n\n${linksOf().link}\n\nStop our letters: ${linksOf().stopLink}\n`;
      const html = await htmlOf({ subject: 'It came back', text, kind: 'came-back' });
      const mail = { from: 'hello@northline.example', subject: 'It came back', text, html };
      const rate = await perSecond(many, () =>
        Promise.all(people.map(({ email }) => open.sendMail({ ...mail, to: email! }))),
      );
      open.close();
      return rate;
    },
  );
  await sink.close();
  await db.cleanup();
  const ratio = median(ours) / median(pool);
  return [
    {
      id: 'B10',
      what: `${count(many)} letters over SMTP, each leased, minted, sent and noted`,
      figure: `${count(median(ours))}/s`,
      limit: `${count(median(pool))}/s: nodemailer’s pool of five, no database`,
      ratio,
      target: 'at least 0.50',
      reached: ratio >= 0.5,
    },
  ];
}
