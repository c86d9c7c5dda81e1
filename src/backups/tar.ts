import { createReadStream } from 'node:fs';

/* The part of tar (POSIX ustar) that a backup needs: regular files. Any tar reads what is written here. */

export type Entry = { name: string; size: number; body: string | Uint8Array | { path: string } };

/** Names are up to 255 bytes, in ASCII or UTF-8. A file must keep its size while it is read. */
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
  const header = Buffer.alloc(512);
  const [prefix, base] = splitName(name);
  header.write(base, 0);
  header.write('0000600\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  // Eleven octal digits end at 8 GiB; beyond, the number stands in binary behind a set bit, as GNU and BSD tar have it.
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
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  header.write(prefix, 345);
  header.write('        ', 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

function splitName(name: string): [prefix: string, base: string] {
  if (Buffer.byteLength(name) <= 100) return ['', name];
  for (let at = name.indexOf('/'); at !== -1; at = name.indexOf('/', at + 1)) {
    const [prefix, base] = [name.slice(0, at), name.slice(at + 1)];
    if (Buffer.byteLength(prefix) <= 155 && Buffer.byteLength(base) <= 100) return [prefix, base];
  }
  throw new Error(`The name ${name} is too long for a backup.`);
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
  for (;;) {
    const header = Buffer.concat(await Array.fromAsync(exactly(512)));
    if (header.every((byte) => byte === 0)) break;
    const text = (from: number, length: number) => header.toString('utf8', from, from + length).replace(/\0.*$/s, '');
    const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
    if (sum !== Number.parseInt(text(148, 8), 8)) throw new Error('This is not a backup of Amends.');
    const size = header[124] === 0x80 ? Number(header.readBigUInt64BE(128)) : Number.parseInt(text(124, 12), 8);
    const prefix = text(345, 155);
    let left = size;
    const body = (async function* () {
      while (left > 0) {
        const piece = await some(left);
        left -= piece.length;
        yield piece;
      }
    })();
    yield { name: prefix ? `${prefix}/${text(0, 100)}` : text(0, 100), size, body };
    for await (const _ of exactly(left + ((512 - (size % 512)) % 512)));
  }
  // Whatever packed the tar has checks of its own at its very end.
  while (!(await chunks.next()).done);
}
