import type { NewColleague } from '../src/staff/colleagues.ts';
import type { Role } from './schema/staff.ts';

/*
 * The named people of the demo, what became of their complaints, and the payment sandbox that knows their cards. Their
 * records enter through the importer, from db/cast.csv, like anyone's; nothing here stands in for a row of it.
 */

export type CastMember = {
  key: string;
  source: 'cast';
  kind: 'customer' | 'employee';
  /** The person's id in db/cast.csv. */
  personId: string;
  name: string;
  /** For the tour: who this is and what their page shows. */
  story: string;
};

const customer = (key: string, name: string, story: string): CastMember => ({
  key,
  source: 'cast',
  kind: 'customer',
  personId: `c-${key}`,
  name,
  story,
});

const employee = (key: string, name: string, story: string): CastMember => ({
  ...customer(key, name, story),
  kind: 'employee',
  personId: `e-${key}`,
});

export const MAYA = customer(
  'maya',
  'Maya Rennick',
  'Letterpress printer, Team plan, left on 2 June 2026 over exports that failed; told us four things, and her Visa is still saved.',
);
export const IDRIS = customer(
  'idris',
  'Idris Falade',
  'Keeps a charity’s gift ledger; left because a file over 2 GB never loaded, which is not fixed, so he is not invited.',
);
export const ANNEKE = customer(
  'anneke',
  'Anneke Visser',
  'Teaches dance to children; left over late sign-in codes, which were fixed and came back on 3 November.',
);
export const BRONAGH = customer(
  'bronagh',
  'Bronagh Kearney',
  'Rowing club treasurer; left over exports and has no saved card any more, so she pays at the provider’s own page.',
);
export const DEVIKA = customer(
  'devika',
  'Devika Raman',
  'Runs a theatre’s office; left over exports, and her bank declines the card that is saved.',
);
export const SUNNIVA = customer(
  'sunniva',
  'Sunniva Haugland',
  'Photographer on Studio, a plan that is gone; her page compares it with Practice, time sheets missing.',
);
export const INES = customer(
  'ines',
  'Inês Carvalho',
  'Potter on Solo; left over nine days’ notice of a higher price. The price stayed up; the contract changed.',
);
export const LUCAS = customer(
  'lucas',
  'Lucas Ferreira',
  'Futsal organiser; his words name two advisers, so his page shows our note. When he pays, his bank asks him first.',
);
export const HANNAH = customer(
  'hannah',
  'Hannah Oduya',
  'Works for a refuge; all she told us is confidential, so nothing may be written to her about it.',
);
export const WALTER = customer('walter', 'Walter Ainslie', 'Bowls club treasurer who has died; nobody writes to him.');
export const PETRA = customer(
  'petra',
  'Petra Novakova',
  'In a dispute with us over the price rise; nobody writes to her.',
);
export const FRANCES = customer('frances', 'Frances Okell', 'Quilter who asked us never to write again; we don’t.');
export const GARETH = customer(
  'gareth',
  'Gareth Pugh-Ellis',
  'Bell ringer who left in September 2023, longer ago than we invite people back.',
);
export const NIALL = customer(
  'niall',
  'Niall Lorimer',
  'Solo, left over exports; he stopped our letters, so none goes to him, and his page stays his.',
);
export const ILARIA = customer(
  'ilaria',
  'Ilaria Salgado',
  'Band secretary on Club, a plan whose offer ended in September; her page says why, and what there is today.',
);
export const TARIQ = employee(
  'tariq',
  'Tariq Mahmood',
  'Support adviser; left in January 2026 over shifts changed a few days ahead, which is fixed. HR has issued him an offer.',
);
export const JOANNA = employee(
  'joanna',
  'Joanna Brzezicka',
  'Data analyst; left because nobody could name her next step, which has no date yet.',
);
export const CARL = employee('carl', 'Carl Whitmore', 'Support adviser dismissed for cause; nobody writes to him.');

export const CAST: readonly CastMember[] = [
  MAYA,
  IDRIS,
  ANNEKE,
  BRONAGH,
  DEVIKA,
  SUNNIVA,
  INES,
  LUCAS,
  HANNAH,
  WALTER,
  PETRA,
  FRANCES,
  GARETH,
  NIALL,
  ILARIA,
  TARIQ,
  JOANNA,
  CARL,
];

/** Who works at the demo's desk. Yusuf is named on pages and has no place at it. */
export const STAFF: readonly NewColleague[] = [
  worker('grace', 'Grace Adeyemi', 'Head of Customer Communications', 'grace.adeyemi', 'writer'),
  worker('priya', 'Priya Nair', 'Head of Data Platform', 'priya.nair', 'owner'),
  worker('tomasz', 'Tomasz Wieczorek', 'Head of Support', 'tomasz.wieczorek', 'owner'),
  worker('leila', 'Leila Haddad', 'Head of Accounts and Sign-in', 'leila.haddad', 'owner'),
  worker('mei', 'Mei-Lin Tan', 'Support Operations Manager', 'mei-lin.tan', 'owner', 'operator'),
  worker('owen', 'Owen Pritchard', 'Finance Director', 'owen.pritchard', 'owner'),
  worker('ruth', 'Ruth Abernethy', 'People Director', 'ruth.abernethy', 'approver', 'hr'),
  worker('sander', 'Sander de Wit', 'Managing Director', 'sander.dewit', 'approver', 'admin'),
];

export type CastResolution = {
  complaint: string;
  proof: string;
  resolved: 'fully' | 'partly' | 'no';
  /** Shown to the person. */
  reason: string;
  /** A person of content/site.yaml. */
  confirmedBy: string;
};

/** Complaints that no proof is for (c-03, c-05, c-23) have no resolution. */
export const RESOLUTIONS: readonly CastResolution[] = [
  {
    complaint: 'cast:c-01',
    proof: 'exports-finish',
    resolved: 'fully',
    reason: 'We ran your own March report 20 times on the new workers, eight of them on Mondays. All 20 files opened.',
    confirmedBy: 'priya',
  },
  {
    complaint: 'cast:c-02',
    proof: 'you-close-the-request',
    resolved: 'fully',
    reason: 'The timer that closed your request is gone. Only the person who sent a request can close it now.',
    confirmedBy: 'tomasz',
  },
  {
    complaint: 'cast:c-04',
    proof: 'we-write-when-it-is-fixed',
    resolved: 'fully',
    reason:
      'We repaired your exports on 15 June and told you nothing. Since 3 November one named person writes these letters.',
    confirmedBy: 'grace',
  },
  {
    complaint: 'cast:c-06',
    proof: 'exports-finish',
    resolved: 'no',
    reason:
      'You were right that yours is a different fault. A ledger over 2 GB still fails to export, on its own worker too.',
    confirmedBy: 'priya',
  },
  {
    complaint: 'cast:c-07',
    proof: 'two-routes-for-codes',
    resolved: 'fully',
    reason: 'From May your codes would have come within seconds, at a quarter past four as well.',
    confirmedBy: 'leila',
  },
  {
    complaint: 'cast:c-25',
    proof: 'two-routes-for-codes',
    resolved: 'fully',
    reason: 'Asking again sends the same code, so there is no newer one to mistake it for.',
    confirmedBy: 'leila',
  },
  {
    complaint: 'cast:c-08',
    proof: 'exports-finish',
    resolved: 'fully',
    reason: 'We exported your subs list on six Mondays at nine. It finished each time, in 14 seconds or less.',
    confirmedBy: 'priya',
  },
  {
    complaint: 'cast:c-09',
    proof: 'you-close-the-request',
    resolved: 'fully',
    reason: 'We can no longer mark a request of yours as solved. You can, or nobody does.',
    confirmedBy: 'tomasz',
  },
  {
    complaint: 'cast:c-10',
    proof: 'exports-finish',
    resolved: 'fully',
    reason: 'On 1 September, the Tuesday after the bank holiday, your box office report came out at the first try.',
    confirmedBy: 'priya',
  },
  {
    complaint: 'cast:c-11',
    proof: 'we-write-when-it-is-fixed',
    resolved: 'fully',
    reason:
      'One person now answers for the letters, and hers is the name under them. She cannot clear a name without writing.',
    confirmedBy: 'grace',
  },
  {
    complaint: 'cast:c-12',
    proof: 'exports-finish',
    resolved: 'fully',
    reason: 'Your covers export, and one that stops now says so in words and tries again by itself.',
    confirmedBy: 'yusuf',
  },
  {
    complaint: 'cast:c-27',
    proof: 'exports-finish',
    resolved: 'partly',
    reason: 'An export to your own computer finishes. One sent to Dropbox still stops when Dropbox is slow to answer.',
    confirmedBy: 'yusuf',
  },
  {
    complaint: 'cast:c-17',
    proof: 'you-close-the-request',
    resolved: 'fully',
    reason: 'What the adviser told you was true. We have stopped measuring how fast requests are closed.',
    confirmedBy: 'mei',
  },
  {
    complaint: 'cast:c-13',
    proof: 'you-close-the-request',
    resolved: 'fully',
    reason: 'You may stay on the hill. A request rests until you write, and keeps its number.',
    confirmedBy: 'tomasz',
  },
  {
    complaint: 'cast:c-14',
    proof: 'you-close-the-request',
    resolved: 'fully',
    reason: 'No adviser can close a request now, and whoever takes one over reads it from the beginning first.',
    confirmedBy: 'tomasz',
  },
  {
    complaint: 'cast:c-16',
    proof: 'we-write-when-it-is-fixed',
    resolved: 'partly',
    reason: 'A call like yours is now linked to its fault. For older calls we may have no record of who rang.',
    confirmedBy: 'grace',
  },
  {
    complaint: 'cast:c-15',
    proof: 'sixty-days-notice',
    resolved: 'fully',
    reason: 'You said that it was the nine days, not only the pound. The nine days are now 60, and in the contract.',
    confirmedBy: 'owen',
  },
  {
    complaint: 'cast:c-18',
    proof: 'you-close-the-request',
    resolved: 'fully',
    reason: 'Your request is open again, with one adviser who has read it and nobody else who can.',
    confirmedBy: 'tomasz',
  },
  {
    complaint: 'cast:c-22',
    proof: 'rota-three-weeks-ahead',
    resolved: 'fully',
    reason:
      'Nobody but the adviser who works it can change a shift inside 21 days. Your old line has kept to that since June.',
    confirmedBy: 'mei',
  },
];

/** What employees told us that HR has released for their own pages. */
export const RELEASED = ['cast:c-22', 'cast:c-23'];

export const ROLE_OFFERS = [
  {
    member: TARIQ,
    roleId: 'support-adviser',
    payBand: '£30,600 a year for a full week, in the band of £27,400 to £31,800.',
    serviceFrom: '2022-03-14',
  },
];

/** Who of them has stopped our letters. */
export const STOPPED: readonly CastMember[] = [NIALL];

/** Traces that are not words: requests with the minutes to our first answer, and days of use, each from a file of its own. */
export const TRACES: readonly { file: string; mapping: string }[] = [
  {
    file: 'cast-tickets.csv',
    mapping: `
name: the cast’s requests
source: cast
row: signal
signal: ticket
fields:
  person_id: account_id
  kind: { always: customer }
  signal_id: ticket_id
  signal_on: { column: opened_on, dates: [YYYY-MM-DD] }
  signal_value: minutes_to_first_answer
  signal_note: note
`,
  },
  {
    file: 'cast-use.csv',
    mapping: `
name: the cast’s use
source: cast
row: signal
signal: usage
fields:
  person_id: account_id
  kind: { always: customer }
  signal_id: use_id
  signal_on: { column: month, dates: [YYYY-MM-DD] }
  signal_value: days_used
`,
  },
];

/** What the payment sandbox is filled with. The prices are those of content/offers. */
export const SANDBOX_FIXTURES = {
  products: [
    { id: 'prod_northline_team', name: 'Northline Team' },
    { id: 'prod_northline_practice', name: 'Northline Practice' },
    { id: 'prod_northline_solo', name: 'Northline Solo' },
    { id: 'prod_northline_studio', name: 'Northline Studio' },
    { id: 'prod_northline_storage', name: 'Extra storage' },
  ],
  prices: [
    price('price_northline_team_month', 'northline_team_month', 960, 'prod_northline_team', 'Team, a seat a month'),
    price(
      'price_northline_practice_month',
      'northline_practice_month',
      1450,
      'prod_northline_practice',
      'Practice, a seat a month',
    ),
    price('price_northline_solo_month', 'northline_solo_month', 800, 'prod_northline_solo', 'Solo, a month'),
    price('price_northline_storage_month', 'northline_storage_month', 250, 'prod_northline_storage', 'Extra storage'),
    // What is no longer sold, and what people left by.
    {
      ...price(
        'price_northline_solo_2025',
        'northline_solo_2025_month',
        700,
        'prod_northline_solo',
        'Solo until March 2026',
      ),
      active: false,
    },
    {
      ...price(
        'price_northline_studio',
        'northline_studio_month',
        1450,
        'prod_northline_studio',
        'Studio, a seat a month',
      ),
      active: false,
    },
  ],
  customers: [
    payer('maya', 'maya@rennickpress.example', 'Maya Rennick', [card('maya', 'visa', '4242', 8, 2029)]),
    payer('idris', 'idris.falade@lantern-appeal.example', 'Idris Falade', [
      card('idris', 'mastercard', '4444', 3, 2030),
    ]),
    payer('anneke', 'anneke@visserdance.example', 'Anneke Visser', [card('anneke', 'visa', '1881', 11, 2029)]),
    payer('bronagh', 'treasurer@lagansiderowing.example', 'Bronagh Kearney', []),
    payer('devika', 'devika@saltmarsh-theatre.example', 'Devika Raman', [
      { ...card('devika', 'visa', '0341', 5, 2029), behaviour: 'declined' },
    ]),
    payer('sunniva', 'post@hauglandfoto.example', 'Sunniva Haugland', [card('sunniva', 'mastercard', '5454', 1, 2030)]),
    payer('ines', 'ines@carvalhoceramica.example', 'Inês Carvalho', [card('ines', 'visa', '1111', 6, 2029)]),
    payer('lucas', 'lucas@portobello-futsal.example', 'Lucas Ferreira', [
      { ...card('lucas', 'visa', '3184', 12, 2029), behaviour: 'authenticate' },
    ]),
    payer('hannah', 'hannah.oduya@stillwater-trust.example', 'Hannah Oduya', [card('hannah', 'visa', '0077', 9, 2030)]),
    payer('petra', 'petra@novak-partners.example', 'Petra Novakova', [card('petra', 'mastercard', '8210', 2, 2029)]),
    payer('niall', 'niall@marsh-farm-film.example', 'Niall Lorimer', [card('niall', 'visa', '3155', 4, 2030)]),
    payer('ilaria', 'ilaria@chapel-hill-band.example', 'Ilaria Salgado', [card('ilaria', 'visa', '6641', 7, 2029)]),
    payer('gareth', 'gareth@brecon-ringers.example', 'Gareth Pugh-Ellis', [card('gareth', 'visa', '9424', 4, 2029)]),
  ],
};

function worker(id: string, name: string, title: string, mailbox: string, ...roles: Role[]): NewColleague {
  return { id, name, title, address: `${mailbox}@northline.example`, roles };
}

type Card = {
  id: string;
  brand: string;
  last4: string;
  exp_month: number;
  exp_year: number;
  behaviour: 'ok' | 'declined' | 'authenticate';
};

function price(id: string, lookup_key: string, unit_amount: number, product: string, nickname: string) {
  return { id, lookup_key, unit_amount, currency: 'gbp', recurring: { interval: 'month' as const }, product, nickname };
}

function card(key: string, brand: string, last4: string, exp_month: number, exp_year: number): Card {
  return { id: `pm_${key}`, brand, last4, exp_month, exp_year, behaviour: 'ok' };
}

function payer(key: string, email: string, name: string, payment_methods: Card[]) {
  return { id: `cus_${key}`, email, name, payment_methods };
}
