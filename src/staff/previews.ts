import type { Reader } from '../../db/client.ts';
import { fill } from '../mail/delivery.ts';
import { publishedLetters, publishedSite } from '../proofs/published.ts';
import { composeSigned, EXAMPLES, SIGNED_LETTERS } from '../proofs/signed-letter.ts';

/* Every letter as somebody would get it, with the facts of the example: nothing of anybody who really left. */

export type Preview = { id: string; subject: string; text: string; kind: string };

/** By the name of the slot. Links are of no place: they are made as a letter leaves. */
const SAMPLE: Record<string, string> = {
  ...EXAMPLES['invitation-employee'].slots,
  ...EXAMPLES.invitation.slots,
  name: 'Maya Rennick',
  link: 'https://amends.example/for/their-own-link',
  stopLink: 'https://amends.example/stop/their-own-link',
  task: 'https://amends.example/task/its-own-link',
  page: 'https://amends.example/staff/drafts',
  desk: 'https://amends.example/staff/answers',
  undo: 'https://amends.example/for/their-own-link/undo',
  stop: 'Stop our letters: https://amends.example/stop/their-own-link',
  code: '204816',
  issueTitle: 'Exports failed on Mondays',
  headline: 'Exports now finish, on Mondays too',
  line: '19.8% of exports failed. 0.3% fail now.',
  measured: '22 of your exports, all finished.',
  question: 'Do your exports still finish?',
  answer: 'We found your export in the old queue, moved it on 24 November, and ran it four times since.',
  done: 'It is done by 2 December 2026.',
  document: 'Exports now finish, on Mondays too',
  by: 'Priya Nair',
  owner: 'Priya Nair',
  colleague: 'Noor Haddad',
  roles: 'writer',
  what: 'We run your own export on the new workers and send you what came out.',
  why: 'A second payment for one return came in.',
  plan: 'Team, 5 seats',
  amount: '£48.00',
  refunded: '£48.00',
  renewal: '£48.00',
  renewsOn: '22 December 2026',
  endsOn: '22 December 2026',
  undoUntil: '6 December 2026',
  card: 'Visa ending 4242',
  reference: '3f9a12bc',
  subscription: 'sub_example',
  day: '30',
  dueOn: '24 November 2026',
  startOn: '11 January 2027',
  answerBy: '6 December 2026',
  acceptedOn: '23 November 2026',
  role: 'Support Adviser',
  terms: 'The terms, as they stood on the page that was accepted.',
  hash: 'b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184',
  replyTo: 'answers@northline.example',
  series: 'Share of exports that failed, weekly',
  value: '4.2%',
  limit: 'above 2%',
  on: '21 November 2026',
  inPublic: 'The public page counts it from now on.',
  next: 'The next question comes on 22 December 2026.',
};

/** Where a slot of the same name holds something else. */
const ELSE: Record<string, Record<string, string>> = {
  answered: { answer: 'yes' },
  task: { what: 'Keys and laptop' },
};

/** Each published letter, filled; a slot that the example does not know stays visible. */
export async function previews(reader: Reader): Promise<Preview[]> {
  const [letters, { organisation }] = await Promise.all([publishedLetters(reader), publishedSite(reader)]);
  return letters.map(({ id, data, body }) => {
    const signed = SIGNED_LETTERS.find((one) => one === id);
    const kind = signed ? 'invitation' : id;
    const sample = { ...SAMPLE, ...ELSE[id], organisation };
    if (!signed) return { id, kind, subject: fill(data.subject, sample), text: fill(body, sample) };
    const { subject, body: text } = composeSigned(
      { subject: data.subject, body },
      { ...EXAMPLES[signed].slots, organisation },
    );
    return { id, kind, subject, text: fill(text, sample) };
  });
}
