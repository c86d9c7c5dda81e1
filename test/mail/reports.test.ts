import { expect, test } from 'vitest';
import { kindOf, readReport } from '../../src/mail/reports.ts';

const ID = '019aa000-0000-7000-8000-000000000001';

type Parts = { status?: string; action?: string; diagnostic?: string; envelope?: string; returned?: string };

/** A report of non-delivery, as Postfix and Exchange write them. */
function notDelivered(parts: Parts = {}): Buffer {
  const {
    status = '5.1.1',
    action = 'failed',
    diagnostic,
    envelope = '',
    returned = `Message-ID: <${ID}@northline.example>`,
  } = parts;
  return Buffer.from(
    [
      'Return-Path: <>',
      'From: MAILER-DAEMON@mx.one.example (Mail Delivery System)',
      'To: letters@northline.example',
      'Subject: Undelivered Mail Returned to Sender',
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"',
      '',
      '--b1',
      'Content-Type: text/plain; charset=us-ascii',
      '',
      'I’m sorry to have to inform you that your message could not be delivered.',
      '--b1',
      'Content-Description: Delivery report',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; mx.one.example',
      ...(envelope ? [`Original-Envelope-Id: ${envelope}`] : []),
      'Arrival-Date: Sun, 22 Nov 2026 10:00:00 +0000 (UTC)',
      '',
      'Final-Recipient: rfc822; gone@one.example',
      `Action: ${action}`,
      `Status: ${status}`,
      `Diagnostic-Code: smtp; ${diagnostic ?? `550 ${status} <gone@one.example>: Recipient address\r\n    rejected: User unknown`}`,
      '',
      '--b1',
      'Content-Description: Undelivered Message Headers',
      'Content-Type: text/rfc822-headers',
      '',
      'From: Priya Nair <letters@northline.example>',
      'To: gone@one.example',
      returned,
      'Subject: You are back',
      '',
      '--b1--',
      '',
    ].join('\r\n'),
  );
}

function complaint(type = 'abuse'): Buffer {
  return Buffer.from(
    [
      'From: <feedback@one.example>',
      'To: letters@northline.example',
      'Subject: FW: It is fixed',
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=feedback-report; boundary="b2"',
      '',
      '--b2',
      'Content-Type: text/plain',
      '',
      'This is an email abuse report.',
      '--b2',
      'Content-Type: message/feedback-report',
      '',
      `Feedback-Type: ${type}`,
      'User-Agent: SomeGenerator/1.0',
      'Version: 1',
      'Original-Rcpt-To: <redacted@one.example>',
      '',
      '--b2',
      'Content-Type: message/rfc822',
      '',
      'From: Priya Nair <letters@northline.example>',
      'To: redacted@one.example',
      `Message-ID: <${ID}@northline.example>`,
      'Subject: It is fixed',
      '',
      'Hello',
      '--b2--',
      '',
    ].join('\r\n'),
  );
}

test('a report says which letter, what kind, and what the server said, without an address', async () => {
  expect(await readReport(notDelivered())).toEqual({
    letterId: ID,
    kind: 'hard',
    said: 'smtp; 550 5.1.1 <…>: Recipient address rejected: User unknown',
    id: expect.stringMatching(/^message:/),
  });
});

test('a letter is known by the envelope’s id or by what is returned of it, and by nothing else', async () => {
  const letterOf = async (parts: Parts) => (await readReport(notDelivered(parts)))?.letterId ?? null;
  expect(await letterOf({ envelope: ID, returned: 'X-Nothing: 1' })).toBe(ID);
  expect(await letterOf({ returned: 'X-Nothing: 1' })).toBeNull();
  expect(await letterOf({ returned: 'Message-ID: <somebody@else.example>' })).toBeNull();
  expect(await letterOf({ returned: `References: <${ID}@northline.example>` })).toBeNull();
});

test('what is still tried, or arrived, is no bounce', async () => {
  for (const action of ['delayed', 'delivered', 'relayed', 'expanded']) {
    expect(await readReport(notDelivered({ action, status: '4.4.1' }))).toBeNull();
  }
});

test('for good or not this time: by the status, and by the reason where the status says nothing', async () => {
  expect(['5.1.1', '5.1.10', '5.2.1', '5.4.7', '5.0.0', '5.5.0'].map(kindOf)).toEqual(Array(6).fill('hard'));
  expect(['4.2.2', '4.4.7', '5.2.2', '5.3.4', '5.6.0', '5.7.1', '5.7.26'].map(kindOf)).toEqual(Array(7).fill('soft'));
  expect(['2.0.0', '', '5', 'x'].map(kindOf)).toEqual([null, null, null, null]);
  const kind = async (diagnostic: string) => (await readReport(notDelivered({ status: '5.0.0', diagnostic })))?.kind;
  expect(await kind('smtp; 550 5.7.1 Your address is on a list')).toBe('soft');
  expect(await kind('smtp; 550 No such user')).toBe('hard');
});

test('a complaint is one; that a signature failed, or that it was no spam, is none', async () => {
  expect(await readReport(complaint())).toMatchObject({ letterId: ID, kind: 'complaint', said: 'Reported as abuse.' });
  expect(await readReport(complaint('not-spam'))).toBeNull();
  expect(await readReport(complaint('auth-failure'))).toBeNull();
});

test('an answer, a notice of absence, nothing and noise are no reports', async () => {
  const answer = `From: a@one.example\r\nIn-Reply-To: <${ID}@northline.example>\r\nSubject: Re: You are back\r\n\r\nI am away. Message-ID: <${ID}@northline.example>\r\n`;
  for (const raw of [answer, '', 'x', '\0\xff'.repeat(2000)]) expect(await readReport(Buffer.from(raw))).toBeNull();
});
