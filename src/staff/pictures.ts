import { createHash } from 'node:crypto';
import { eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { drafts, pictures } from '../../db/schema/desk.ts';
import { pictureAlt } from '../proofs/documents.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { record } from './audit.ts';
import type { Draft } from './draft.ts';
import { saveDraft } from './drafts.ts';
import type { Values } from './fields.ts';
import { formOf, sourceFrom } from './form.ts';

/* Pictures from somebody's camera: decoded, made small and written anew, so that nothing the file held besides comes along. */

const PICTURE_BYTES = 2 * 1024 * 1024;
const FORMATS = ['jpeg', 'png', 'webp', 'gif', 'heif'];
const PIXELS = 40_000_000;
/** A public page weighs 150 KB at most with its fonts: a picture, which comes later, must not outweigh its page. */
const ENOUGH_BYTES = 60 * 1024;
const TRIES = [
  { side: 1280, quality: 78 },
  { side: 1280, quality: 55 },
  { side: 960, quality: 50 },
  { side: 720, quality: 40 },
  { side: 480, quality: 35 },
];

export type Picture = { sha256: string; mediaType: string; width: number; height: number; bytes: Buffer };

/** A picture as it will be shown: WebP, at most 1280 pixels a side, upright, without what the camera wrote into it. */
export async function readPicture(file: Uint8Array): Promise<Picture | Refusal> {
  if (file.length === 0) return refuse('no-picture', 'Choose a picture first.');
  if (file.length > PICTURE_BYTES) {
    return refuse('too-large', 'The file is larger than 2 MB. Export it smaller, 1280 pixels wide is enough.');
  }
  // Here and not at the top: nobody who only reads needs it.
  const { default: sharp } = await import('sharp');
  const unreadable = refuse('unreadable', 'This can’t be read as a picture. JPEG, PNG, WebP, GIF and AVIF can.');
  try {
    const options = { limitInputPixels: PIXELS, failOn: 'error', animated: false } as const;
    const { format } = await sharp(file, options).metadata();
    if (!FORMATS.includes(format ?? '')) return unreadable;
    for (const [index, { side, quality }] of TRIES.entries()) {
      const { data, info } = await sharp(file, options)
        .autoOrient()
        .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
        .webp({ quality })
        .toBuffer({ resolveWithObject: true });
      if (data.length > ENOUGH_BYTES && index < TRIES.length - 1) continue;
      const sha256 = createHash('sha256').update(data).digest('hex');
      return { sha256, mediaType: 'image/webp', width: info.width, height: info.height, bytes: data };
    }
    return unreadable;
  } catch (error) {
    const many = /pixel limit/i.test((error as Error).message);
    return many
      ? refuse('too-many-pixels', 'The picture has more than 40 million pixels. Export it smaller.')
      : unreadable;
  }
}

/** Keeps a picture and names it at the end of the draft. */
export async function addPicture(
  tx: Tx,
  {
    draftId,
    picture,
    alt,
    caption,
    by,
  }: { draftId: string; picture: Picture; alt: string; caption: string; by: string },
  now: Date,
): Promise<Draft | Refusal> {
  const said = pictureAlt.safeParse(alt);
  if (!said.success) return refuse('alt', said.error.issues[0]!.message);
  const [draft] = await tx.select().from(drafts).where(eq(drafts.id, draftId));
  if (!draft) return refuse('gone', 'This draft is no longer there.');
  const form = formOf(draft.collection, draft);
  if (form.raw !== null) return refuse('raw', 'This draft can’t be read. Mend its text first.');
  const named = (form.fields['pictures'] ?? []) as Values[];
  const one = { sha256: picture.sha256, alt: said.data, ...(caption.trim() !== '' && { caption: caption.trim() }) };
  form.fields['pictures'] = [...named.filter(({ sha256 }) => sha256 !== picture.sha256), one];
  await tx
    .insert(pictures)
    .values({ ...picture, addedBy: by, addedAt: now.getTime() })
    .onConflictDoNothing();
  const saved = await saveDraft(tx, { id: draft.id, revision: draft.revision, ...sourceFrom(form, draft), by }, now);
  if (isRefusal(saved)) return saved;
  if (!('saved' in saved)) return refuse('changed', 'Someone else saved in this draft. Try once more.');
  const detail = { sha256: picture.sha256, bytes: picture.bytes.length };
  await record(tx, { by, action: 'added a picture to', subject: `proofs:${draft.documentId}`, detail }, now);
  return saved.saved;
}
