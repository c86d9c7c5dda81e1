import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseDocument } from '../../src/proofs/content.ts';
import { pictureOf, pictureSizes } from '../../src/proofs/pictures.ts';
import { isRefusal } from '../../src/shared/refusal.ts';
import { openDraft } from '../../src/staff/drafts.ts';
import { addPicture, type Picture, readPicture } from '../../src/staff/pictures.ts';
import type { FreshDatabase } from '../support/database.ts';
import { must } from '../support/must.ts';
import { NOW, seededDatabase } from '../support/seeded.ts';

let db: FreshDatabase;
beforeAll(async () => {
  db = await seededDatabase();
});
afterAll(() => db.cleanup());

const noise = (width: number, height: number) =>
  sharp({
    create: { width, height, channels: 3, background: '#888', noise: { type: 'gaussian', mean: 128, sigma: 60 } },
  });

test('a picture becomes WebP, small, upright and without what the camera wrote into it', async () => {
  const file = await noise(1600, 1000)
    .withExif({ IFD0: { Copyright: 'Secret Person' }, IFD3: { GPSLatitude: '51/1 30/1 0/1' } })
    .withMetadata({ orientation: 6 })
    .jpeg({ quality: 70 })
    .toBuffer();
  const picture = (await readPicture(file)) as Picture;
  expect(isRefusal(picture)).toBe(false);
  const meta = await sharp(picture.bytes).metadata();
  expect(meta.format).toBe('webp');
  expect([meta.exif, meta.icc, meta.orientation]).toEqual([undefined, undefined, undefined]);
  expect(picture.height).toBeGreaterThan(picture.width);
  expect(Math.max(picture.width, picture.height)).toBeLessThanOrEqual(1280);
  expect(picture.bytes.length).toBeLessThanOrEqual(60 * 1024);
});

test.each([
  ['nothing', Buffer.alloc(0), 'Choose a picture first.'],
  ['text', Buffer.from('<html>'), 'can’t be read as a picture'],
  [
    'a drawing that could fetch things',
    Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
    'can’t be read as a picture',
  ],
  ['too large a file', Buffer.alloc(2 * 1024 * 1024 + 1), 'larger than 2 MB'],
])('%s is refused with a sentence', async (_, file, sentence) => {
  expect(await readPicture(file)).toMatchObject({ refused: true, sentence: expect.stringContaining(sentence) });
});

test('a small file of a great many pixels is refused before it is unpacked', async () => {
  const bomb = await sharp({ create: { width: 7000, height: 7000, channels: 3, background: '#fff' } })
    .png()
    .toBuffer();
  expect(bomb.length).toBeLessThan(2 * 1024 * 1024);
  expect(await readPicture(bomb)).toMatchObject({ refused: true, code: 'too-many-pixels' });
});

test('a picture that is a page, a script or an archive as well is only a picture afterwards', async () => {
  const second = '<script>alert(1)</script>';
  const png = await noise(40, 30).png().toBuffer();
  const text = Buffer.from(`tEXtComment\0${second}`);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length - 4);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(text));
  const withText = Buffer.concat([png.subarray(0, 33), length, text, crc, png.subarray(33)]);
  const withTail = Buffer.concat([await noise(40, 30).jpeg().toBuffer(), Buffer.from(`PK\x03\x04${second}`)]);
  const gif = await noise(40, 30).gif().toBuffer();
  for (const file of [withText, withTail, Buffer.concat([gif, Buffer.from(second)])]) {
    expect(file.includes(second)).toBe(true);
    const picture = (await readPicture(file)) as Picture;
    expect(picture.mediaType).toBe('image/webp');
    expect(picture.bytes.subarray(0, 4).toString()).toBe('RIFF');
    expect(picture.bytes.includes('script')).toBe(false);
  }
});

test.each(['tiff', 'raw'] as const)('what a browser does not show as a picture (%s) is refused', async (format) => {
  expect(await readPicture(await noise(40, 30).toFormat(format).toBuffer())).toMatchObject({ code: 'unreadable' });
});

test('a draft names its picture with what it shows; without that, or with a file name, it is refused', async () => {
  const picture = (await readPicture(await noise(40, 30).png().toBuffer())) as Picture;
  const draft = must(
    await db.write((tx) => openDraft(tx, { collection: 'proofs', documentId: 'exports-finish', by: 'grace' }, NOW)),
  );
  const add = (alt: string) =>
    db.write((tx) => addPicture(tx, { draftId: draft.id, picture, alt, caption: '', by: 'grace' }, NOW));
  expect(await add('Rota')).toMatchObject({ refused: true, code: 'alt' });
  expect(await add('IMG_20260101.jpeg')).toMatchObject({
    refused: true,
    sentence: expect.stringContaining('file name'),
  });
  const saved = must(await add('The wall screen with the count of opened files'));
  const { document } = parseDocument('proofs', 'exports-finish', saved.source, saved.assets);
  expect(document!.data.pictures).toEqual([
    { sha256: picture.sha256, alt: 'The wall screen with the count of opened files' },
  ]);
  expect((await pictureOf(db.read, picture.sha256))!.bytes.equals(picture.bytes)).toBe(true);
  expect((await pictureSizes(db.read, document!.data.pictures)).get(picture.sha256)).toEqual({ width: 40, height: 30 });
});
