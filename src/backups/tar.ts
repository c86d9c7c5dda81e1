import { createReadStream } from 'node:fs';

/* The part of tar (POSIX ustar) that a backup needs: regular files. Any tar reads what is written here. */

export type Entry = { name: string; size: number; body: string | Uint8Array | { path: string } };

/** A file must keep its size while it is read. */
export async function* writeTar(entries: Iterable<Entry>, now: Date): AsyncGenerator<Uint8Array> {
  for (const { name, size, body } of entries) {
    yield headerOf(name, size, now);
    let written = 0;
    if (typeof body === 'string' || body instanceof Uint8Array) {
      const bytes = Buffer.from(body);
      written = bytes.length;
      yield bytes;
    } else {
      for await (const chunk of createReadStream(body.path, { highWaterMark: 1 << 20 })) {
        written += chunk.length;
        yield chunk;
      }
    }
    if (written !== size) throw new Error(`${name} changed while it was read.`);
    yield Buffer.alloc((512 - (size % 512)) % 512);
  }
  yield Buffer.alloc(1024);
}

function headerOf(name: string, size: number, now: Date): Buffer {
  const long = Buffer.from(`${name}\0`);
  if (long.length <= 101) return block(name, size, '0', now);
  // A name that doesn't fit goes before, as GNU and BSD tar have it.
  const padding = Buffer.alloc((512 - (long.length % 512)) % 512);
  return Buffer.concat([block('././@LongLink', long.length, 'L', now), long, padding, block('long', size, '0', now)]);
}

function block(name: string, size: number, type: '0' | 'L', now: Date): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000600\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  // Eleven octal digits end at 8 GiB; beyond, the number stands in binary behind a set bit.
  if (size < 8 ** 11) header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  else {
    header[124] = 0x80;
    header.writeBigUInt64BE(BigInt(size), 128);
  }
  header.write(
    `${Math.floor(now.getTime() / 1000)
      .toString(8)
      .padStart(11, '0')}\0`,
    136,
  );
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  header.write(`${sumOf(header).toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** The sum of all bytes, its own eight taken as spaces. */
function sumOf(header: Buffer): number {
  return header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
}

/** The files of a tar, one after the other; what of a body wasn't read is passed over. Throws when it ends too early. */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ name: string; size: number; body: AsyncGenerator<Uint8Array> }> {
  const chunks = source[Symbol.asyncIterator]();
  let rest: Uint8Array = Buffer.alloc(0);
  /** At most `most` bytes, as they come; throws at the end. */
  async function some(most: number): Promise<Uint8Array> {
    while (rest.length === 0) {
      const { value, done } = await chunks.next();
      if (done) throw new Error('The backup ends too early.');
      rest = value;
    }
    const piece = rest.subarray(0, most);
    rest = rest.subarray(piece.length);
    return piece;
  }
  async function* exactly(bytes: number): AsyncGenerator<Uint8Array> {
    for (let left = bytes; left > 0; ) {
      const piece = await some(left);
      left -= piece.length;
      yield piece;
    }
  }
  let longName: string | undefined;
  for (;;) {
    const header = Buffer.concat(await Array.fromAsync(exactly(512)));
    if (header.every((byte) => byte === 0)) break;
    const text = (from: number, length: number) => header.toString('utf8', from, from + length).replace(/\0.*$/s, '');
    if (sumOf(header) !== Number.parseInt(text(148, 8), 8)) throw new Error('This is not a backup of Amends.');
    const size = header[124] === 0x80 ? Number(header.readBigUInt64BE(128)) : Number.parseInt(text(124, 12), 8);
    let left = size;
    const body = (async function* () {
      while (left > 0) {
        const piece = await some(left);
        left -= piece.length;
        yield piece;
      }
    })();
    if (text(156, 1) === 'L') {
      const bytes = Buffer.concat(await Array.fromAsync(body));
      longName = bytes.toString('utf8').replace(/\0.*$/s, '');
    } else {
      yield { name: longName ?? text(0, 100), size, body };
      longName = undefined;
    }
    for await (const _ of exactly(left + ((512 - (size % 512)) % 512)));
  }
  // Whatever packed the tar has checks of its own at its very end.
  while (!(await chunks.next()).done);
}
