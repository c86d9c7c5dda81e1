import { eq } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { drafts } from '../../db/schema/desk.ts';
import { measurements } from '../../db/schema/measurements.ts';
import { persons } from '../../db/schema/people.ts';
import { keys } from '../../db/schema/sessions.ts';
import { publishedIssues, publishedProofs, publishedSite } from '../proofs/published.ts';
import { counted } from '../shared/words.ts';
import type { Doing } from './access.ts';
import { colleaguesWho } from './colleagues.ts';

/* What a new place needs, in the order in which it is needed, and what of it is done: read from the data, ticked by nobody. */

export type FirstStep = {
  id: 'organisation' | 'colleagues' | 'people' | 'issue' | 'proof' | 'confirmer' | 'measuring';
  title: string;
  done: boolean;
  /** Done: what there is. Not done: how it is done. */
  sentence: string;
  /** A command to type on the machine, where there is no page for it. */
  command?: string;
  links?: { href: string; label: string; doing: Doing }[];
};

export async function firstSteps(reader: Reader): Promise<FirstStep[]> {
  const [site, issues, proofs, people, owning, writing, approving, begun, systems, arrived] = await Promise.all([
    publishedSite(reader),
    publishedIssues(reader),
    publishedProofs(reader),
    reader.$count(persons),
    colleaguesWho(reader, 'confirm'),
    colleaguesWho(reader, 'write'),
    colleaguesWho(reader, 'approve'),
    reader.select({ collection: drafts.collection }).from(drafts),
    reader.$count(keys, eq(keys.purpose, 'measurements')),
    reader.$count(measurements),
  ]);
  // Two people at least, one on each side.
  const enough = owning.some(({ id }) => approving.some((other) => other.id !== id));
  const inHand = (collection: string) => begun.some((draft) => draft.collection === collection);
  const confirmed = proofs.filter(({ data }) => data.confirmer !== undefined).length;
  const unconfirmed = proofs.find(({ data }) => data.confirmer === undefined) ?? proofs[0];
  const writeAt = (collection: string) => [
    inHand(collection)
      ? { href: '/staff/drafts', label: 'Go on with the draft', doing: 'write' as const }
      : { href: `/staff/drafts?collection=${collection}#new`, label: 'Begin it under Drafts', doing: 'write' as const },
  ];
  const missing =
    owning.length === 0 && approving.length === 0
      ? 'an owner, who answers for an issue and confirms its facts, and somebody else who may publish'
      : owning.length === 0
        ? 'an owner, who answers for an issue and confirms its facts'
        : approving.length === 0
          ? 'somebody who may publish'
          : 'a second person: whoever owns or writes something never publishes it';
  return [
    {
      id: 'organisation',
      title: 'Make the place your own',
      done: !site.example,
      sentence: site.example
        ? `This is ${site.organisation}, the example: look round as long as you like. One command then takes it away and begins with your name.`
        : `This is ${site.organisation}’s own place.`,
      ...(site.example && { command: 'amends example --help' }),
    },
    {
      id: 'colleagues',
      title: 'Bring in those who write, own and approve',
      done: enough,
      sentence: enough
        ? `${counted(writing.length, 'person', 'people')} may write or own, ${counted(approving.length, 'person', 'people')} may publish.`
        : `Missing: ${missing}. An admin adds them under Colleagues, and may be one of the two.`,
      links: [{ href: '/staff/people', label: 'Colleagues', doing: 'manage staff' }],
    },
    {
      id: 'people',
      title: 'Bring in the people who left, and what they told you',
      done: people > 0,
      sentence:
        people > 0
          ? `${counted(people, 'person is', 'people are')} here.`
          : 'A CSV is enough. Import says first what would happen, then brings it in; a large file comes by a command. Nothing is written to anyone.',
      ...(people === 0 && {
        command: 'amends import people.csv --dry-run',
        links: [
          { href: '/staff/import', label: 'Try it under Import', doing: 'import' },
          { href: '/staff/sample.csv', label: 'Download a sample file', doing: 'look' },
          { href: '#import', label: 'How the file is written', doing: 'look' },
        ],
      }),
    },
    {
      id: 'issue',
      title: 'Publish the first issue, fixed or not',
      done: issues.length > 0,
      sentence:
        issues.length > 0
          ? `${counted(issues.length, 'issue is', 'issues are')} public.`
          : 'One thing that was wrong, for many people, with one owner. It may say “not fixed yet”, and where it stands today.',
      ...(issues.length === 0 && { links: writeAt('issues') }),
    },
    {
      id: 'proof',
      title: 'Publish the first proof',
      done: proofs.length > 0,
      sentence:
        proofs.length > 0
          ? `${counted(proofs.length, 'proof is', 'proofs are')} public.`
          : 'What changed, with the measurements before and after, or the document that shows it. Four things are to be put into words; the rest is picked, short, or computed.',
      ...(proofs.length === 0 && { links: writeAt('proofs') }),
    },
    {
      id: 'confirmer',
      title: 'Have someone independent confirm it',
      done: confirmed > 0,
      sentence:
        confirmed > 0
          ? `${counted(confirmed, 'proof has', 'proofs have')} somebody from outside behind it.`
          : 'Somebody who complained, or an outsider, gets a link and says whether it is so. Without one a change is watched, never “fixed”.',
      ...(confirmed === 0 &&
        unconfirmed && {
          links: [{ href: `/staff/drafts/proofs/${unconfirmed.id}/confirmer`, label: 'Ask somebody', doing: 'write' }],
        }),
    },
    {
      id: 'measuring',
      title: 'Let measurements keep arriving',
      done: systems > 0 || arrived > 0,
      sentence:
        systems > 0 || arrived > 0
          ? 'Measurements can arrive without anybody typing them.'
          : 'A system of yours sends them with a key, or somebody brings a CSV in by command. If one crosses the limit, the public page says so within a minute.',
      links: [{ href: '/staff/measuring', label: 'Measuring', doing: 'measure' }],
    },
  ];
}
