import { sql } from 'drizzle-orm';
import type { BrowserContext } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { BRONAGH, MAYA } from '../../db/cast.ts';
import type { Tx } from '../../db/client.ts';
import { publishedVersions } from '../../db/schema/proofs.ts';
import { versionHash } from '../../src/proofs/chain.ts';
import { parseDocument, readContent, type SourceDocument } from '../../src/proofs/content.ts';
import { beginSession } from '../../src/sessions/staff.ts';
import { newId } from '../../src/shared/ids.ts';
import { addColleague } from '../../src/staff/colleagues.ts';
import { openDraft } from '../../src/staff/drafts.ts';
import { must } from '../support/must.ts';
import { type Journey, openJourney } from '../support/place.ts';
import { CONTENT } from '../support/seeded.ts';

/*
 * Five hundred ways to make a browser run what somebody wrote, in everything that staff and people who left can write. The
 * browser has script on and our Content-Security-Policy off, so that only what the pages themselves do counts.
 */

const WAYS = [
  '<script>RUN</script>',
  '<script src="data:text/javascript,RUN"></script>',
  '<img src=x onerror=RUN>',
  '<img src=x onerror="RUN">',
  '<svg onload=RUN>',
  '<svg><script>RUN</script></svg>',
  '<svg><animate onbegin=RUN attributeName=x dur=1s>',
  '<iframe srcdoc="<script>parent.RUN</script>"></iframe>',
  '<iframe src="javascript:parent.RUN"></iframe>',
  '<object data="javascript:RUN"></object>',
  '<details open ontoggle=RUN>',
  '<input autofocus onfocus=RUN>',
  '<video><source onerror=RUN></video>',
  '<audio src=x onerror=RUN></audio>',
  '<body onload=RUN>',
  '<math><mtext><style><img src=x onerror=RUN></style></mtext></math>',
  '<meta http-equiv=refresh content="0;url=javascript:RUN">',
  '<link rel=stylesheet href=x onerror=RUN>',
  '<form action="javascript:RUN"><button>x</button></form>',
  '<a href="javascript:RUN">x</a>',
  '[x](javascript:RUN)',
  '![x](x"onerror="RUN)',
  '<javascript:RUN>',
  '[x](data:text/html,<script>RUN</script>)',
  '{RUN} {{RUN}} #{RUN} <%= RUN %>',
];
const BEFORE = [
  '',
  '">',
  "'>",
  '-->',
  '</title>',
  '</textarea>',
  '</script>',
  ']]>',
  '" autofocus onfocus=RUN x="',
  '`',
];
const SPELT = [(text: string) => text, (text: string) => text.replace(/<(\w+)/g, (_, tag) => `<${tag.toUpperCase()}/`)];

const PAYLOADS = SPELT.flatMap((spelt) => BEFORE.flatMap((before) => WAYS.map((way) => spelt(before + way)))).map(
  (payload, at) => payload.replaceAll('RUN', `ran(${at})`),
);

let at = 0;
/** The next few of them, as somebody would paste them. */
const some = (many = 4) => Array.from({ length: many }, () => PAYLOADS[at++ % PAYLOADS.length]).join(' ');

/** A document with something in each of its texts that its form takes. */
function poisoned({ collection, id, source, assets }: SourceDocument): string {
  const [, fields, body] = /^---\n([\s\S]*?\n)---\n([\s\S]*)$/.exec(source) ?? [null, source, null];
  const data = parse(fields!);
  const whole = () =>
    body === null ? stringify(data) : `---\n${stringify(data)}---\n${some(6)}\n\n${body}\n\n${some()}\n`;
  const walk = (node: Record<string, unknown>) => {
    for (const [key, value] of Object.entries(node)) {
      if (typeof value === 'object' && value) walk(value as Record<string, unknown>);
      if (typeof value !== 'string' || !value.includes(' ')) continue;
      for (const tried of [`${value} ${some(2)}`, `${value} ${some(1)}`]) {
        node[key] = tried;
        const { document, problems } = parseDocument(collection, id, whole(), assets);
        if (document && problems.length === 0) break;
        node[key] = value;
      }
    }
  };
  walk(data);
  return whole();
}

/** Everything that is a sentence, in every table; published texts have their own way in. */
async function poisonRows(tx: Tx): Promise<number> {
  let changed = 0;
  const tables = await tx.all<[string]>(sql`select name from sqlite_master where type = 'table'
    and name not like 'sqlite%' and name not in ('published_versions', 'applied_migrations', 'people_search')`);
  for (const [table] of tables) {
    const columns = await tx.all<[string]>(
      sql`select name from pragma_table_info(${table}) where type = 'TEXT' and pk = 0`,
    );
    for (const [column] of columns) {
      const [t, c] = [sql.identifier(table), sql.identifier(column)];
      const rows = await tx.all<[number, string]>(sql`select rowid, ${c} from ${t} where ${c} like '% %' limit 400`);
      for (const [row, text] of rows) {
        if (/^[[{]/.test(text)) continue;
        await tx.run(sql`update ${t} set ${c} = ${`${text} ${some()}`} where rowid = ${row}`);
        changed += 1;
      }
    }
  }
  for (const name of ['first_name', 'last_name']) {
    await tx.run(
      sql`update persons set ${sql.identifier(name)} = ${some(1)} where ${sql.identifier(name)} is not null`,
    );
  }
  // One complaint holds them all, so that none is left out because nobody shows its text.
  await tx.run(sql`update complaints set words = ${PAYLOADS.join(' ')} where ref = 'cast:c-01'`);
  return changed;
}

let journey: Journey;
let theirs: BrowserContext;
const ran = new Set<number>();
const shown = new Set<number>();

beforeAll(async () => {
  journey = await openJourney('nothing-runs');
  const { db, url } = journey.place;
  const { documents } = await readContent(CONTENT);
  let secret = '';
  await db.write(async (tx) => {
    must(await openDraft(tx, { collection: 'proofs', documentId: 'exports-finish', by: 'grace' }, new Date()));
    for (const document of documents.filter(({ collection }) => collection !== 'letters')) {
      const { collection, id, assets } = document;
      const [newest] = await tx
        .select()
        .from(publishedVersions)
        .where(sql`collection = ${collection} and document_id = ${id} order by version desc limit 1`);
      const source = poisoned(document);
      const version = newest!.version + 1;
      const previousHash = newest!.hash;
      const hash = versionHash({ collection, id, version, source, assets, previousHash });
      await tx.insert(publishedVersions).values({ ...newest!, id: newId(), version, source, hash, previousHash });
    }
    const everything = ['writer', 'owner', 'approver', 'hr', 'operator', 'admin'];
    const noor = {
      id: 'noor',
      name: `Noor ${some(1)}`,
      title: 'All',
      address: 'noor@northline.example',
      roles: everything,
    };
    must(await addColleague(tx, null, noor, new Date()));
    expect(await poisonRows(tx)).toBeGreaterThan(200);
    secret = await beginSession(tx, 'noor', undefined, new Date());
  });
  theirs = await journey.device({ javaScriptEnabled: true, bypassCSP: true });
  await theirs.addCookies([{ name: 'amends-staff', value: secret, url, httpOnly: true, sameSite: 'Lax' }]);
  await theirs.exposeFunction('ran', (payload: number) => ran.add(payload));
  await theirs.route('**/*.woff2', (route) => route.abort());
});
afterAll(() => journey?.close());

const PUBLIC = [
  ...['/', '/issues', '/issues/exports-failed', '/issues/large-files-slow', '/search?q=exports', '/privacy'],
  ...['/proofs/exports-finish', '/proofs/exports-finish/versions', '/proofs/exports-finish/versions/2'],
  ...['/proofs/rota-three-weeks-ahead', '/proofs/you-close-the-request', '/how-we-count'],
  `/search?q=${encodeURIComponent('"><img src=x onerror=ran(7)>')}`,
];
const DESK = [
  ...['', '/answers', '/gate', '/guide', '/triage', '/log', '/measuring', '/people', '/import', '/returning'],
  ...['/resolutions/exports-failed', '/resolutions/large-files-slow', '/drafts', '/drafts/proofs/exports-finish'],
  ...['/drafts/proofs/exports-finish/review', '/drafts/proofs/exports-finish/preview/public'],
].map((path) => `/staff${path}`);

test('five hundred texts that would run somewhere run nowhere, and are there to be read', {
  timeout: 90_000,
}, async () => {
  expect(new Set(PAYLOADS).size).toBe(500);
  const page = await theirs.newPage();
  const own = [MAYA, BRONAGH].flatMap((member) =>
    ['', '/why', '/correct', '/rejoin', '/yours'].map((path) => new URL(journey.linkOf(member)).pathname + path),
  );
  for (const path of [...PUBLIC, ...DESK, ...own]) {
    const answer = await page.goto(journey.place.url + path, { waitUntil: 'load' });
    expect([path, answer!.status() < 500]).toEqual([path, true]);
    const found = await page.evaluate(() => ({
      text: `${document.body.textContent} ${[...document.querySelectorAll('input, textarea')].map((one) => (one as HTMLInputElement).value).join(' ')}`,
      live: [...document.querySelectorAll('*')]
        .filter((one) =>
          [...one.attributes].some(
            ({ name, value }) => name.startsWith('on') || /^\s*(javascript|vbscript|data:text)/i.test(value),
          ),
        )
        .map((one) => one.outerHTML),
      scripts: [...document.scripts].filter((one) => one.text.includes('ran(')).length,
    }));
    expect([path, found.live, found.scripts]).toEqual([path, [], 0]);
    for (const [, payload] of found.text.matchAll(/ran\((\d+)\)/g)) shown.add(Number(payload));
  }
  await page.waitForTimeout(200);
  expect([...ran]).toEqual([]);
  expect(shown.size).toBe(500);
  // The same browser does run it where it is not escaped.
  await page.setContent(PAYLOADS[2]!);
  await expect.poll(() => [...ran]).toContain(2);
});
