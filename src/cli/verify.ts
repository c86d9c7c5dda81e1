import { parseArgs } from 'node:util';
import { parseDocument } from '../proofs/content.ts';
import { checkFile, newestArrived, type VersionFile, versionFile } from '../proofs/served.ts';
import { type Served, type Verdict, verifyProof } from '../proofs/verify.ts';
import { counted } from '../shared/words.ts';
import type { Verb } from './verb.ts';

/** At most this much is read of each file, and waited for it. */
const MB = 1024 * 1024;
const LIMITS = { json: 20 * MB, file: 10 * MB, page: 4 * MB, seconds: 20 };
/** Proofs of a site at the same time, and files of a proof. */
const AT_ONCE = 4;

type Verified = Verdict & {
  proof: string;
  url: string;
  /** The newest fingerprint: who notes it will see later whether the history was rewritten as a whole. */
  fingerprint: string | null;
  /** The same for measurements that arrived since, by series. */
  arrived: Record<string, string>;
  /** Why it could not be checked. */
  failed: string | null;
};

export const verify: Verb = {
  name: 'verify',
  summary: 'Recompute every number and the state of a published proof, on any Amends site.',
  help: `Use: amends verify <address> [--json]

The address of a proof (https://…/proofs/exports-finish), or of a site: then every proof in its sitemap. Reads what anyone can
download there, needs no account and no database, and changes nothing. Checked are the fingerprint of each version and that
each follows the one before, the same for each measurement that arrived since, every number and the state from the
measurements alone, the downloads, and what the page says. Each thing that differs is named, and
each measurement that a later version corrected: that is no difference unless the page hides it.

What nobody can check from outside: whether the measurements are true, and whether people who came back said no.

  --json   one JSON object: { "proofs": [{ "proof", "url", "differences": [{ "what", "sentence" }], "agreed",
           "corrected", "fingerprint", "arrived", "failed" }] }

Exit code: 0 all agrees, 1 something differs, 2 something could not be checked.`,

  async run(args, io) {
    let address: string;
    let json: boolean;
    try {
      const options = { json: { type: 'boolean', default: false } } as const;
      const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
      if (positionals.length !== 1) throw new Error('Name one address.');
      address = positionals[0]!;
      json = values.json;
    } catch (error) {
      io.err(`${(error as Error).message} See: amends verify --help`);
      return 2;
    }
    const target = targetOf(address);
    if (!target) {
      io.err(
        'Write the whole address of a proof or of a site, beginning with https:// or http://. See: amends verify --help',
      );
      return 2;
    }
    let ids: string[];
    try {
      ids = target.proof === null ? await proofsOfSite(target.origin) : [target.proof];
    } catch (error) {
      io.err(`${sayable(target.origin)} could not be checked. ${sayable((error as Error).message)}`);
      return 2;
    }
    const results: Verified[] = [];
    await inTurn(ids, async (id) => {
      const result = await verifyOne(target.origin, id);
      results.push(result);
      if (!json) for (const line of linesOf(result)) io.out(line);
      if (ids.length > 1) io.err(`${results.length} of ${ids.length}`);
    });
    const differ = results.filter(({ differences }) => differences.length > 0).length;
    const failed = results.filter((one) => one.failed !== null).length;
    if (json) io.out(JSON.stringify({ proofs: results.toSorted((a, b) => (a.proof < b.proof ? -1 : 1)) }));
    else if (results.length > 1) {
      const agree = results.length - differ - failed;
      io.out(`${counted(results.length, 'proof')}: ${agree} agree, ${differ} differ, ${failed} could not be checked.`);
    }
    return differ > 0 ? 1 : failed > 0 ? 2 : 0;
  },
};

/** A site’s own address, and the proof on it; null when it is neither. */
export function targetOf(address: string): { origin: string; proof: string | null } | null {
  if (!URL.canParse(address)) return null;
  const { origin, protocol, pathname } = new URL(address);
  if (protocol !== 'https:' && protocol !== 'http:') return null;
  if (pathname === '/') return { origin, proof: null };
  const proof = /^\/proofs\/([a-z0-9]+(?:-[a-z0-9]+)*)(?:\/(?:check\.json|versions(?:\/.*)?)?)?$/.exec(pathname)?.[1];
  return proof === undefined ? null : { origin, proof };
}

async function proofsOfSite(origin: string): Promise<string[]> {
  const sitemap = await fetchText(origin, '/sitemap.xml', LIMITS.json);
  if (sitemap === null) throw new Error('It has no sitemap.xml, which says which proofs there are.');
  const ids = new Set<string>();
  for (const piece of sitemap.split('<loc>').slice(1)) {
    const target = targetOf(piece.slice(0, Math.max(0, piece.indexOf('</loc>'))).trim());
    if (target?.proof) ids.add(target.proof);
  }
  if (ids.size === 0) throw new Error('Its sitemap names no proof.');
  return [...ids].toSorted();
}

async function verifyOne(origin: string, id: string): Promise<Verified> {
  const page = `/proofs/${id}`;
  const result: Verified = {
    proof: id,
    url: origin + page,
    differences: [],
    agreed: [],
    corrected: [],
    fingerprint: null,
    arrived: {},
    failed: null,
  };
  try {
    const look = async () => {
      const served = await fetchServed(origin, id);
      const newest = served.check.versions.toSorted((a, b) => b.version - a.version)[0]!;
      const arrived = Object.fromEntries(newestArrived(served.check));
      return { ...result, ...verifyProof(id, served, new Date()), fingerprint: newest.hash, arrived };
    };
    const first = await look();
    // Something may have been published between one file and the next: what differs must differ twice.
    return first.differences.length === 0 ? first : await look();
  } catch (error) {
    return { ...result, failed: error instanceof Error ? error.message : String(error) };
  }
}

/** Everything that is served about a proof. Throws a sentence when there is too little to judge. */
async function fetchServed(origin: string, id: string): Promise<Served> {
  const page = `/proofs/${id}`;
  const text = await fetchText(origin, `${page}/check.json`, LIMITS.json);
  if (text === null) throw new Error(`There is no ${origin}${page}/check.json.`);
  const parsed = checkFile.safeParse(jsonOf(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`${page}/check.json is not what an Amends site serves: ${issue?.path.join('.')} ${issue?.message}`);
  }
  const check = parsed.data;
  const versions = new Map<number, VersionFile | { unreadable: string }>();
  await inTurn(
    check.versions.map(({ version }) => version),
    async (number) => {
      const source = await fetchText(origin, `${page}/versions/${number}.json`, LIMITS.json);
      const file = source === null ? null : versionFile.safeParse(jsonOf(source));
      const unreadable = file === null ? 'there is no such file.' : 'what is served is no version.';
      versions.set(number, file?.success ? file.data : { unreadable });
    },
  );
  const html = await fetchText(origin, page, LIMITS.page);
  if (html === null) throw new Error(`There is no page at ${origin}${page}.`);
  const files = new Map<string, string | null>();
  await inTurn(downloadsOf(id, versions), async (name) => {
    files.set(name, await fetchText(origin, `${page}/${name}`, LIMITS.file));
  });
  return { check, versions, files, html };
}

/** The files that the page of a proof offers: its series by their ids, and its document. */
function downloadsOf(id: string, versions: Served['versions']): string[] {
  const newest = versions.get(Math.max(...versions.keys()));
  if (!newest || 'unreadable' in newest) return [];
  const data = parseDocument('proofs', id, newest.source, newest.assets).document?.data;
  if (!data) return [];
  return [...data.series.map((series) => `${series.id}.csv`), ...(data.verified ? [data.verified.file] : [])];
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Reads a file of this site and of no other: a redirect leads nowhere else. Null when it isn’t there. Throws a sentence
 * when there is no answer, or more of one than anyone needs.
 */
async function fetchText(origin: string, path: string, limit: number): Promise<string | null> {
  const signal = AbortSignal.timeout(LIMITS.seconds * 1000);
  let url = new URL(path, origin);
  for (let hops = 0; hops <= 3; hops += 1) {
    try {
      const response = await fetch(url, { redirect: 'manual', signal, headers: { 'Cache-Control': 'no-cache' } });
      const location = response.headers.get('location');
      if (response.status >= 300 && response.status < 400 && location !== null) {
        await response.body?.cancel();
        const next = URL.canParse(location, url) ? new URL(location, url) : null;
        if (next?.origin !== origin)
          throw new Refused(`${path} leads to another site (${location}). It was not followed.`);
        url = next;
        continue;
      }
      if (response.status === 404 || response.status === 410) {
        await response.body?.cancel();
        return null;
      }
      if (!response.ok) throw new Refused(`${path} was answered with ${response.status}.`);
      return await readUpTo(response, limit, path);
    } catch (error) {
      if (error instanceof Refused) throw error;
      if (signal.aborted) throw new Refused(`${path} took longer than ${LIMITS.seconds} seconds.`);
      throw new Refused(`There was no answer for ${origin}${path}.`);
    }
  }
  throw new Refused(`${path} leads from one address to the next.`);
}

/** Already a sentence for the reader. */
class Refused extends Error {}

async function readUpTo(response: Response, limit: number, path: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > limit) throw new Refused(`${path} is larger than ${limit / MB} MB.`);
    chunks.push(chunk);
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(chunks));
}

async function inTurn<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function linesOf({ url, differences, agreed, corrected, fingerprint, arrived, failed }: Verified): string[] {
  const lines = [sayable(url)];
  if (failed !== null) return [...lines, `  Could not be checked. ${sayable(failed)}`];
  for (const sentence of agreed) lines.push(`  agrees   ${sayable(sentence)}`);
  for (const sentence of corrected) lines.push(`  CORRECTED  ${sayable(sentence)}`);
  for (const { sentence } of differences) lines.push(`  DIFFERS  ${sayable(sentence)}`);
  if (differences.length === 0) {
    lines.push(`  All agrees. Newest fingerprint, to keep: ${fingerprint}`);
    for (const [series, hash] of Object.entries(arrived)) {
      lines.push(`  And of what arrived for ${sayable(series)}: ${hash}`);
    }
  } else lines.push(`  ${counted(differences.length, 'thing differs', 'things differ')}.`);
  return lines;
}

/** A site’s words can’t move the cursor or colour the screen of whoever checks it. */
function sayable(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
  return plain.length > 400 ? `${plain.slice(0, 399)}…` : plain;
}
