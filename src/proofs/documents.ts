import { z } from 'zod';
import { isDay } from '../shared/dates.ts';

/*
 * The shape of everything that people write in content/. The sentences are for authors: they stand in the guide and in
 * every message of `amends check`. A document's id is its file name. Content never contains a person's words: it names
 * complaints, as `<source>:<external id>`, and the words come from the database when shown.
 */

/* `drawn` says how a form asks for a field: src/staff/fields.ts. */

const day = z.string().refine(isDay, 'A date is written YYYY-MM-DD and must exist.').meta({ drawn: 'day' });
const sentence = z.string().trim().min(8, 'Write a whole sentence.').meta({ drawn: 'text' });
const person = z.string().meta({ drawn: 'person' });
const complaintRef = z
  .string()
  .regex(/^[^:\s]+:\S+$/, 'Name the complaint as source:id, for example cast:c-07. Never paste its words.')
  .meta({ drawn: 'complaint' });

/** A whole number: the least it may be, what it is when nobody says, and the most. */
function whole(least: number, usual: number, meaning: string, most?: number) {
  const number = z.number().int().min(least);
  return (most === undefined ? number : number.max(most)).default(usual).describe(meaning);
}

const currency = z.string().regex(/^[a-z]{3}$/);
const compared = z.array(z.strictObject({ label: z.string(), was: z.string(), now: z.string() }));
const country = z.string().regex(/^[A-Z]{2}$/, 'A country is two capital letters, as GB.');

/** What a picture shows, in words. */
export const pictureAlt = z
  .string()
  .trim()
  .min(8, 'Say what the picture shows, for someone who can’t see it.')
  .refine(
    (text) => !/\.(jpe?g|png|webp|gif|avif|heic|svg)$/i.test(text),
    'That is a file name. Say what the picture shows.',
  );

export const GAPS = ['value', 'trust', 'experience', 'growth'] as const;
export type Gap = (typeof GAPS)[number];

export const UNITS = ['percent', 'seconds', 'minutes', 'hours', 'days', 'count', 'money'] as const;
export type Unit = (typeof UNITS)[number];

const site = z.strictObject({
  organisation: z.string().describe('The name people know you by.'),
  about: sentence.describe('One sentence on what you do, for someone who has never heard of you.'),
  example: z
    .boolean()
    .default(false)
    .describe('True for the fictional organisation that Amends ships with: every page then says so.'),
  reply_to: z.email().describe('Where an answer to any letter arrives. A person reads it.'),
  time_zone: z.string().describe('The zone your dates are meant in, for example Europe/London.'),
  people: z
    .record(
      z.string().regex(/^[a-z][a-z0-9-]*$/),
      z.strictObject({
        name: z.string().describe('First and last name. An owner is a person, never a team.'),
        role: z.string().describe('What they do here.'),
        address: z.email().optional().describe('Where this person reads an alert.'),
      }),
    )
    .describe('Everyone whom a page may name, by a short id.'),
  holding: z
    .strictObject({
      points_before: whole(10, 10, 'Measurements needed before the change. Never fewer than 10.'),
      points_after: whole(8, 8, 'Measurements needed after it. Never fewer than 8.'),
      days: whole(14, 14, 'Days since the change. Never fewer than 14.'),
      shift: whole(8, 8, 'Consecutive points on the better side of the earlier median. Never fewer than 8.'),
      reask_yes: z
        .number()
        .min(0.5)
        .lt(1)
        .default(0.8)
        .describe('Of the people asked again who answered, more than this share must say yes.'),
    })
    .prefault({})
    .describe('When a change counts as fixed.'),
  reopen: z
    .strictObject({
      no_answers: whole(1, 3, 'How many returned people must say no before the issue has come back.'),
      answer_working_days: whole(1, 2, 'Working days in which the owner answers a no.', 2),
      escalate_to: z
        .string()
        .optional()
        .describe(
          'The short id of the person who is told when an answer is late. Without one, whoever reads reply_to.',
        ),
    })
    .prefault({}),
  invite: z
    .strictObject({
      window_days: z.number().int().default(730).describe('How long after leaving a person may be invited.'),
      holdout: z
        .strictObject({
          customer: z.number().min(0).max(0.5).default(0.1),
          employee: z.number().min(0).max(0.5).default(0),
        })
        .prefault({})
        .describe('Share of people never invited, so that you can tell what inviting achieves.'),
      link_days: z.number().int().default(90).describe('Days until a personal link stops working.'),
      fresh_days: z
        .number()
        .int()
        .default(30)
        .describe('Days in which a link that no device has claimed shows their words.'),
      letters_a_day: whole(
        1,
        30,
        'How many invitations one person may sign in a day. Each is read and signed by hand.',
        100,
      ),
      undo_minutes: whole(
        0,
        5,
        'Minutes for which a signed invitation waits, so that whoever signed it can take it back.',
        60,
      ),
    })
    .prefault({}),
  rejoin: z
    .strictObject({
      undo_days: whole(14, 14, 'Days in which a return is undone with a full refund.'),
    })
    .prefault({}),
  checkin_days: z
    .array(z.number().int().positive())
    .default([7, 30, 60, 90])
    .describe('Days after the return on which we ask.'),
  employee_checkin_days: z
    .array(z.number().int().positive())
    .default([1, 7, 30, 60, 90])
    .describe('Days of work after a returned colleague’s first day on which we ask: 1 is the day after it.'),
  holidays: z
    .array(day)
    .default([])
    .describe('Public holidays: nobody is asked anything on them, and they are no working days.'),
  retention: z
    .strictObject({
      people_days: z
        .number()
        .int()
        .min(365)
        .optional()
        .describe('Days after leaving until everything about a person is deleted. Left out: until they ask for it.'),
      letters_days: whole(30, 730, 'Days until a letter that was sent is deleted.'),
      links_days: whole(0, 30, 'Days for which a link that has ended is known.'),
      codes_days: whole(0, 1, 'Days until a code that has ended is deleted.'),
    })
    .prefault({})
    .describe('How long what is kept.'),
  count_floor: z
    .strictObject({ customer: z.number().int().min(10).default(10), employee: z.number().int().min(20).default(20) })
    .prefault({})
    .describe('Counts of people below this are not shown, so that nobody can be singled out.'),
});

const issues = z.strictObject({
  title: z
    .string()
    .min(8)
    .max(70)
    .describe('The problem in the words of someone who had it: “Exports failed on Mondays”.'),
  summary: sentence.describe('One sentence: what it did to people.'),
  gap: z.enum(GAPS).describe('Why it hurt: value, trust, experience or growth.'),
  affects: z
    .array(z.enum(['customer', 'employee']))
    .min(1)
    .describe('Who told you: customers, employees or both.'),
  owner: person.describe('The short id, in site.yaml, of the one person who answers for it.'),
  started_on: day.describe('When it began.'),
  known_on: day.describe('When you first knew, not when you first admitted it.'),
  blocks: sentence.optional().describe('While it is not fixed: what stands in the way.'),
  stands: sentence.optional().describe('While it is not fixed: where it stands today, with a number and its target.'),
  next_update: day
    .optional()
    .describe('The day of your next update. Leave it out only if there is none: the page then says “No date yet”.'),
  // The body: what happens to people because of it, and what you have tried.
});

const series = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]*$/),
  file: z
    .string()
    .regex(/^[a-z0-9-]+\.csv$/)
    .describe('A CSV beside this document: date,value and, where each value is a share or an average, n.'),
  title: z.string().describe('What is measured, how often: “Share of exports that failed, weekly”.'),
  unit: z.enum(UNITS),
  currency: z.string().length(3).optional(),
  better: z.enum(['lower', 'higher']).describe('Which direction is better.'),
  reopen_limit: z
    .number()
    .describe('The value at which you say in public that it came back. One measurement past it is enough.'),
  source: z
    .string()
    .meta({ drawn: 'text' })
    .describe('The system the numbers come from, so that someone inside could pull them again.'),
  baseline_from: day.optional().describe('Where the time before the change begins, if not with the first measurement.'),
  rivals: z
    .array(z.strictObject({ on: day, label: z.string().max(60) }))
    .default([])
    .describe('Anything else in that time that could explain the difference. Hiding one is dishonest.'),
});

const reonboarding = z.strictObject({
  title: z.string().min(4).max(70).describe('What it is: “Fire safety”.'),
  ask: z
    .enum(['acknowledge', 'confirm', 'system', 'wait', 'difference'])
    .describe(
      'acknowledge: they read it. confirm: is what we have still right? system: they do it in another system. wait: one of us does it. difference: what is different this time.',
    ),
  roles: z.array(z.string()).min(1).optional().describe('Only for these roles, by file name. Left out: for everyone.'),
  countries: z.array(country).min(1).optional().describe('Only where the work is in these countries.'),
  changed_on: day.optional().describe('When it last changed so that who had finished it must look again.'),
  changed: sentence.optional().describe('One sentence: what changed then.'),
  owner: person.describe('The short id of the one person who answers for it.'),
  due_days: z.number().int().min(-60).max(365).default(5).describe('Days after the first day; before it: negative.'),
  system: z.string().optional().describe('Where it is done or kept: “People Desk”.'),
  lasts: z
    .array(
      z.strictObject({
        country,
        months: z.number().int().positive(),
        basis: sentence.describe('The rule that says so. A country without a line is asked again.'),
      }),
    )
    .min(1)
    .optional()
    .describe('How long it stays good, country by country. Left out: until it changes.'),
  finished_as: z.string().optional().describe('What your HR system calls it, if not by this file’s name.'),
  // The body: what there is to read.
});

const pages = z.strictObject({ title: z.string(), lede: sentence.optional() });

const letters = z.strictObject({ subject: z.string().max(120) });

/** `reference` makes a link to another document: Astro's own in content.config.ts, a plain id everywhere else. */
export function documentSchemas<S extends z.ZodType>(reference: (collection: 'issues' | 'proofs' | 'offers') => S) {
  const issue = reference('issues').describe('The issue whose complaints led to it.');
  const better = (meaning: string) => z.array(z.strictObject({ what: sentence.describe(meaning), issue })).min(1);

  const proofs = z.strictObject({
    headline: z.string().min(8).max(60).describe('The outcome, at most 60 characters.'),
    line: z.string().max(120).describe('One line for lists, then and now: “{before} failed. {after} fail now.”'),
    lede: sentence.describe(
      'Two sentences: the number before, the number now, the dates. Write {before}, {after}, {weeks}: they are computed.',
    ),
    issues: z.array(reference('issues')).min(1).describe('The issues that this change is for.'),
    owner: person.describe('The short id of the one person who answers for it.'),
    started_on: day,
    known_on: day,
    changed_on: day.describe(
      'The day of the change that the evidence is judged from. After it came back: the day of the new change.',
    ),
    voices: z.array(complaintRef).default([]).describe('Complaints to quote, if their author’s consent stands.'),
    no_voice_because: sentence.optional().describe('If nobody may be quoted: why.'),
    changes: z
      .array(
        z.strictObject({
          what: z
            .string()
            .min(8)
            .meta({ drawn: 'text' })
            .describe('What is different now, first few words strong: “**Each export has its own worker.** …”'),
          on: day,
          by: person.describe('The short id of who did it.'),
          source: z
            .strictObject({
              label: z.string(),
              href: z.string().regex(/^(https:\/\/|\/)/, 'A source is a public https address or a page of this site.'),
            })
            .optional()
            .describe(
              'Where anyone can see this change: a public page, or a file of this proof, with a few words to press.',
            ),
          informed_by: z.array(complaintRef).default([]).describe('The complaints behind this change. Only true ones.'),
          decided_on: day.optional(),
        }),
      )
      .min(1)
      .max(5),
    series: z.array(series).default([]).describe('Measured evidence.'),
    verified: z
      .strictObject({
        kind: z.enum(['document', 'finding']).describe('A document of yours that changed, or a third party’s finding.'),
        title: z.string(),
        file: z
          .string()
          .regex(/^[a-z0-9-]+\.(md|txt)$/)
          .describe('The document itself, beside this one.'),
        sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/)
          .describe('The hash of that file: `sha256sum file`.'),
        dated: day,
        by: z.string().describe('Who issued it.'),
        reask: z
          .strictObject({
            question: sentence,
            asked: z.number().int().positive(),
            answered: z.number().int().nonnegative(),
            yes: z.number().int().nonnegative(),
            on: day,
          })
          .optional()
          .describe('The people affected, asked again.'),
      })
      .optional()
      .describe('Evidence for what no series can show: a manager, a policy, a clause.'),
    confirmer: z
      .strictObject({
        name: z.string().optional().describe('Someone who complained, or an outsider. Never the owner or the writer.'),
        relation: z.enum(['complained', 'outsider']),
        on: day,
        how: sentence.optional().describe('How they confirmed it.'),
        answer: z
          .uuid()
          .optional()
          .describe(
            'Their answer by a link of their own. Their name and words stand with it, not here, so that they can take them back.',
          ),
      })
      .refine(
        ({ name, how, answer }) =>
          answer === undefined ? name !== undefined && how !== undefined : name === undefined && how === undefined,
        {
          message: 'Name who confirmed it and how, or the answer that they gave by their link. Not both.',
        },
      )
      .optional()
      .describe('Without an independent confirmer a change is watched, not fixed.'),
    pictures: z
      .array(
        z.strictObject({
          sha256: z
            .string()
            .regex(/^[0-9a-f]{64}$/, 'The hash that the desk gave it when it was uploaded.')
            .describe('The picture itself, by the hash of its file.'),
          alt: pictureAlt.describe('What it shows, for someone who can’t see it.'),
          caption: sentence.optional().describe('A line under it.'),
        }),
      )
      .default([])
      .describe('Pictures of what is different. None is needed.'),
    still_not_right: sentence.describe('What is still not right. “Nothing” is not an answer.'),
    review_on: day.describe('When you look at this again even if nothing happens.'),
    // The body: what went wrong. The first sentence begins with “We”.
  });

  const offers = z.strictObject({
    plan: z.string().describe('The plan’s name today.'),
    for_plans: z
      .array(z.string())
      .min(1)
      .describe('The plans, as named when people left, whose people get this offer.'),
    lookup_key: z
      .string()
      .describe('The lookup key of the price at your payment provider. It must be open to everyone.'),
    amount: z
      .number()
      .int()
      .positive()
      .describe('Price for one seat and one interval in minor units (4800 is £48.00), tax included.'),
    currency,
    amounts: z
      .array(z.strictObject({ currency, amount: z.number().int().positive() }))
      .default([])
      .describe('The same price in other currencies, for those who paid in one: your provider must know them too.'),
    succeeds: z
      .array(z.string())
      .default([])
      .describe('Lookup keys of prices that are no longer sold and that this one takes the place of.'),
    add_ons: z
      .array(z.strictObject({ name: z.string(), lookup_key: z.string() }))
      .default([])
      .describe('What those who had it keep beside the plan, at the price that is open to everyone.'),
    interval: z.enum(['month', 'year']),
    better: better('What is better than what the person left.').describe(
      'An offer is an upgrade. There is no field for a discount, a free period or a credit, on purpose.',
    ),
    compared: compared.default([]).describe('The plan then and now, line by line.'),
    kept: z.array(z.string()).default([]).describe('What of theirs was kept.'),
    promises: z
      .array(
        z.strictObject({
          what: sentence.describe('What you will do for the person, as they will read it.'),
          owner: z.string().describe('The short id of who does it.'),
          within_days: z.number().int().min(1).max(365).describe('Days after their return until it is done.'),
        }),
      )
      .default([])
      .describe('What you promise with the offer. Each is kept or missed, and the person sees which.'),
    cannot: sentence.describe('What you still cannot offer.'),
    ends_on: day.optional(),
    ends_because: sentence.optional().describe('An end date needs its real reason.'),
  });

  const roles = z.strictObject({
    title: z.string().min(3).describe('The role’s name today.'),
    for_roles: z
      .array(z.string())
      .min(1)
      .describe('The roles, as named when people left, whose people this one is for.'),
    team: z.string().describe('The team it is in.'),
    country: country.describe('Where the work is, as two letters: GB.'),
    manager: z
      .strictObject({
        name: z.string().describe('First and last name.'),
        since: day.describe('Since when they lead this team.'),
        line: sentence.describe('One line in their own words.'),
      })
      .describe('Whom they would work for.'),
    pay_band: sentence.describe('The pay band, as written here for everyone in the role. There is no one-off payment.'),
    compared: compared.min(1).describe('The role then and now, line by line.'),
    next_step: z
      .strictObject({
        title: z.string(),
        criteria: z.array(sentence).min(1).describe('What must be true for it.'),
        review_after_days: z
          .number()
          .int()
          .positive()
          .describe('Days after the first day on which it is decided. It becomes a promise with a date.'),
        decides: person.describe('The short id of the one person who decides.'),
      })
      .optional()
      .describe('The next step up. While it is not decided, nobody can be offered the role.'),
    better: better('What is different from the role they left.'),
    cannot: sentence.describe('What you still cannot offer.'),
    talk_to: person.describe('The short id of whoever talks with people about it.'),
    filled_on: day
      .optional()
      .describe('The day on which somebody took it. From then on nobody is offered it, and its page says so.'),
    // The body: the terms, as a page.
  });

  const checkins = z.strictObject({
    issue: reference('issues'),
    question: sentence.describe(
      'One question about their problem, answered by yes, no or not sure: “Do your exports still finish?”',
    ),
  });

  return { site, issues, proofs, offers, checkins, pages, letters, roles, reonboarding };
}

export const plainSchemas = documentSchemas(() => z.string());

export type Site = z.output<typeof plainSchemas.site>;

/** The name of whoever a short id means, for pages that show it. */
export function nameOf(id: string, site: Pick<Site, 'people'>): string {
  return site.people[id]?.name ?? id;
}

export type Issue = z.output<typeof plainSchemas.issues>;
export type Proof = z.output<typeof plainSchemas.proofs>;
export type Series = Proof['series'][number];
export type Role = z.output<typeof plainSchemas.roles>;
export type Reonboarding = z.output<typeof plainSchemas.reonboarding>;
export type Offer = z.output<typeof plainSchemas.offers>;
export type Collection = keyof typeof plainSchemas;
