import { and, asc, eq, inArray, isNotNull, isNull, lt, ne, notInArray, or, sql } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { confirmations } from '../../db/schema/desk.ts';
import { links } from '../../db/schema/invitations.ts';
import { letters } from '../../db/schema/mail.ts';
import { departures, persons, waits } from '../../db/schema/people.ts';
import { rejoins } from '../../db/schema/rejoin.ts';
import { roleOffers } from '../../db/schema/reonboarding.ts';
import { codes, devices } from '../../db/schema/sessions.ts';
import { forgetPictures } from '../proofs/pictures.ts';
import { publishedSite } from '../proofs/published.ts';
import { addDays, DAY_MS, dayOf } from '../shared/dates.ts';
import { isRefusal } from '../shared/refusal.ts';
import { erasePerson } from './erase.ts';

export type Kept = { people: number; letterIds: string[] };

/**
 * Deletes what the site's periods no longer keep: letters, links, codes and devices that are over, what outsiders
 * confirmed, pictures that no document names, and people who left longer
 * ago than `people_days`. Nobody goes who is back, or who waits to be told something. At most `limit` people at a time;
 * answers who and what went. Running it again, or twice at once, deletes nothing more.
 */
export async function keepOnlyWhatWeMay(db: Db, now: Date, limit = 200): Promise<Kept> {
  const { retention, time_zone } = await publishedSite(db.read);
  const before = (days: number) => now.getTime() - days * DAY_MS;
  const letterIds = await db.write(async (tx) => {
    await tx.delete(codes).where(lt(codes.expiresAt, before(retention.codes_days)));
    await tx.delete(devices).where(lt(devices.expiresAt, now.getTime()));
    await tx.delete(links).where(lt(links.expiresAt, before(retention.links_days)));
    await forgetPictures(tx, before(1));
    // Whoever complained has theirs deleted with everything else; an outsider has nothing else here. What stands on a page stays with the
    // name that they let us show; their address goes.
    const outsiders = and(
      isNull(confirmations.personId),
      lt(confirmations.expiresAt, now.getTime()),
      lt(confirmations.askedAt, before(retention.letters_days)),
    );
    await tx
      .update(confirmations)
      .set({ name: '', address: '' })
      .where(and(outsiders, eq(confirmations.confirmed, true), ne(confirmations.address, '')));
    await tx
      .delete(confirmations)
      .where(and(outsiders, or(isNull(confirmations.confirmed), eq(confirmations.confirmed, false))));
    // An invitation stays as long as its person: nobody is apologised to twice.
    const gone = await tx
      .delete(letters)
      .where(
        and(
          ne(letters.kind, 'invitation'),
          or(isNotNull(letters.sentAt), isNotNull(letters.heldBecause), isNotNull(letters.doubtfulAt)),
          lt(letters.createdAt, before(retention.letters_days)),
        ),
      )
      .returning({ id: letters.id });
    return gone.map(({ id }) => id);
  });
  if (retention.people_days === undefined) return { people: 0, letterIds };

  const lastDay = addDays(dayOf(now, time_zone), -retention.people_days);
  const leftLongAgo = await db.read
    .select({ id: persons.id })
    .from(persons)
    .innerJoin(departures, eq(departures.personId, persons.id))
    .where(
      and(
        notInArray(
          persons.id,
          db.read
            .select({ id: rejoins.personId })
            .from(rejoins)
            .where(inArray(rejoins.state, ['begun', 'paying', 'active', 'undoing'])),
        ),
        notInArray(
          persons.id,
          db.read
            .select({ id: roleOffers.personId })
            .from(roleOffers)
            .where(and(isNotNull(roleOffers.acceptedAt), isNull(roleOffers.withdrawnAt))),
        ),
        notInArray(persons.id, db.read.select({ id: waits.personId }).from(waits).where(sql`${waits.toldAt} is null`)),
      ),
    )
    .groupBy(persons.id)
    .having(sql`max(${departures.leftOn}) < ${lastDay}`)
    .orderBy(asc(persons.id))
    .limit(limit);
  let people = 0;
  for (const { id } of leftLongAgo) {
    const erased = await db.write((tx) => erasePerson(tx, id, now));
    if (isRefusal(erased)) continue;
    people += erased.records;
    letterIds.push(...erased.letterIds);
  }
  return { people, letterIds };
}
