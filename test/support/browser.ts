import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createBrotliDecompress } from 'node:zlib';
import { type Browser, chromium } from 'playwright';

/*
 * A browser without a download of its own: the Chromium that comes in a package, with the libraries and the one font that a bare
 * machine lacks, or the machine's own.
 */

const PACKAGE = fileURLToPath(new URL('../', import.meta.resolve('@sparticuz/chromium')));
const INSTALLED = '/usr/bin/chromium';

/** Starts a headless Chromium. Throws one sentence, with both reasons, when none starts. The caller closes it. */
export async function openBrowser(): Promise<Browser> {
  const packaged = await openPackaged().catch(reason);
  if (typeof packaged !== 'string') return packaged;
  const installed = await open(INSTALLED, {}).catch(reason);
  if (typeof installed !== 'string') return installed;
  throw new Error(
    `No browser starts here, so the tests that need one can’t run. Packaged: ${packaged} ${INSTALLED}: ${installed}`,
  );
}

async function openPackaged(): Promise<Browser> {
  const folder = await unpacked();
  return open(join(folder, 'chromium'), {
    LD_LIBRARY_PATH: join(folder, 'al2023/lib'),
    FONTCONFIG_FILE: join(folder, 'fonts.conf'),
  });
}

function open(executablePath: string, env: Record<string, string>): Promise<Browser> {
  if (!existsSync(executablePath)) throw new Error('it is not there.');
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--font-render-hinting=none'],
    env: { ...(process.env as Record<string, string>), ...env },
  });
}

/** Unpacks once for each version of the package; whoever is second uses what is there. */
async function unpacked(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(PACKAGE, 'package.json'), 'utf8')) as { version: string };
  const folder = join(tmpdir(), `amends-chromium-${version}-${process.getuid?.() ?? ''}`);
  if (existsSync(folder)) return folder;
  const draft = await mkdtemp(`${folder}.`);
  try {
    await Promise.all([
      decompress(join(PACKAGE, 'bin/chromium.br'), join(draft, 'chromium')),
      untar(join(PACKAGE, 'bin/al2023.tar.br'), draft),
      untar(join(PACKAGE, 'bin/fonts.tar.br'), draft),
    ]);
    await chmod(join(draft, 'chromium'), 0o755);
    await writeFile(
      join(draft, 'fonts.conf'),
      `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig><dir>${folder}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>${folder}/fonts-cache</cachedir></fontconfig>\n`,
    );
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

async function decompress(from: string, to: string): Promise<void> {
  await pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to));
}

async function untar(from: string, folder: string): Promise<void> {
  const tar = `${join(folder, Math.random().toString(36).slice(2))}.tar`;
  await decompress(from, tar);
  await mkdir(folder, { recursive: true });
  await promisify(execFile)('tar', ['-xf', tar, '-C', folder]);
  await rm(tar);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.split('\n')[0]! : String(error);
}
