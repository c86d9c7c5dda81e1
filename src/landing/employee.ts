import { and, eq, isNotNull } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { complaints } from '../../db/schema/people.ts';
import { talks } from '../../db/schema/reonboarding.ts';
import type { Visit } from '../invitations/links.ts';
import type { Site } from '../proofs/documents.ts';
import type { IssueWithState, PublishedRole } from '../proofs/published.ts';
import {
  newestOffer,
  type OfferState,
  offerState,
  type RoleOffer,
  roleFor,
  talksAbout,
} from '../reonboarding/offer.ts';
import { type Day, longDay } from '../shared/dates.ts';
import { type Landing, landingFor, type Told } from './landing.ts';
import { headline } from './sentences.ts';

export type EmployeeLanding = Pick<Landing, 'why' | 'declined' | 'stopped' | 'stoppedOn'> & {
  headline: string;
  lede: string;
  /** What HR has released, and what became of each. */
  told: Told[];
  /** How many more count and are not shown. */
  withheld: number;
  role: PublishedRole | null;
  /** What is different from the role they left, as far as its issue holds. */
  better: string[];
  offer: RoleOffer | null;
  state: OfferState | null;
  askedToTalk: boolean;
  /** The name of whoever talks with them about the role. */
  talkTo: string;
};

/** What HR has released of what this person told us: the refs of complaints. */
export async function releasedRefs(reader: Reader, personId: string): Promise<ReadonlySet<string>> {
  const rows = await reader
    .select({ ref: complaints.ref })
    .from(complaints)
    .where(and(eq(complaints.personId, personId), isNotNull(complaints.releasedAt)));
  return new Set(rows.map(({ ref }) => ref));
}

/** Everything the page of somebody who worked here shows, once they typed a code. Reads only. */
export async function employeeLandingFor(
  reader: Reader,
  visit: Visit,
  issues: IssueWithState[],
  site: Site,
  today: Day,
): Promise<EmployeeLanding | null> {
  const personId = visit.person.id;
  const [landing, released, offer, asked] = await Promise.all([
    landingFor(reader, visit, issues, site, today),
    releasedRefs(reader, personId),
    newestOffer(reader, personId),
    reader.select({ roleId: talks.roleId }).from(talks).where(eq(talks.personId, personId)),
  ]);
  if (!landing) return null;
  const { departure, neverContact } = landing.history;
  const told = landing.told.filter(({ ref }) => released.has(ref));
  const withheld = landing.history.withheld + landing.told.length - told.length;
  const role = neverContact ? null : await roleFor(reader, departure?.planOrRole ?? null);
  const stateOf = new Map(issues.map(({ issue, state }) => [issue.id, state.state]));
  return {
    headline:
      told.length === 0 && withheld > 0
        ? 'What you told us counts. It is not on this page.'
        : headline(told.map(({ outcome }) => outcome)),
    lede: departure?.leftOn
      ? `You left on ${longDay(departure.leftOn)}${departure.planOrRole ? `, as ${departure.planOrRole}` : ''}.`
      : '',
    told,
    withheld,
    why: landing.history.main && released.has(landing.history.main.ref) ? landing.why : null,
    declined: landing.declined,
    stopped: landing.stopped,
    stoppedOn: landing.stoppedOn,
    role,
    better: role?.data.better.filter(({ issue }) => stateOf.get(issue) === 'holding').map(({ what }) => what) ?? [],
    offer,
    state: offer && offerState(offer, today),
    talkTo: role ? (await talksAbout(reader, personId, role, site)).name : site.organisation,
    askedToTalk: role !== null && asked.some(({ roleId }) => roleId === role.id),
  };
}
