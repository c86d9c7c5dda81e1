import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { and, asc, desc, eq, isNotNull, isNull, lt, or } from 'drizzle-orm';
import type { Db, Reader, Tx } from '../../db/client.ts';
import { uploads } from '../../db/schema/people.ts';
import { type ImportReport, importFile, type RefusedRecord } from '../people/intake/import.ts';
import type { Mapping } from '../people/intake/mapping.ts';
import { type Undone, undoImport } from '../people/intake/undo.ts';
import { DAY_MS } from '../shared/dates.ts';
import { newId } from '../shared/ids.ts';
import { isRefusal, type Refusal, refuse } from '../shared/refusal.ts';
import { listed } from '../shared/words.ts';
import { record } from './audit.ts';

/*
 * Files that come in at the desk. The web process only puts them down; the jobs process looks at them in a dry run and, after a press,
 * imports them. A file is gone from the disk when it was imported or given up.
 */

export type Upload = typeof uploads.$inferSelect;
/** Of a report what the desk shows: no list is longer than this, and nobody's words are in it. */
export type Shown = Omit<ImportReport, 'refused' | 'conflicts' | 'proposedMerges'> & {
  refused: ImportReport['refused'];
  conflicts: { rows: number; first: ImportReport['conflicts'] };
  proposedMerges: { rows: number; first: ImportReport['proposedMerges'] };
};
/** While it is worked on. */
export type Underway = { part: number };
const SHOWN = 20;
const TOLD_EVERY_MS = 2000;
/** After a week an upload is given up, or its report forgotten: the import itself can still be undone by the command. */
const KEPT_MS = 7 * DAY_MS;

export async function putDown(
  db: Db,
  folder: string,
  { by, fileName, mapping, bytes }: { by: string; fileName: string; mapping: string; bytes: Uint8Array },
  now: Date,
): Promise<Upload | Refusal> {
  if (bytes.length === 0) return refuse('empty', 'Choose a file. The one that came was empty.');
  const upload = {
    id: newId(),
    fileName: basename(fileName).slice(0, 120),
    mapping,
    uploadedBy: by,
    uploadedAt: now.getTime(),
  };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(fileOf(folder, upload), bytes, { mode: 0o600 });
  return db.write(async (tx) => {
    const [row] = await tx.insert(uploads).values(upload).returning();
    const detail = { mapping, bytes: bytes.length };
    await record(tx, { by, action: 'uploaded', subject: `uploads:${upload.id}`, detail }, now);
    return row!;
  });
}

/** The newest ones, those that were given up left out. */
export async function uploadsList(reader: Reader): Promise<Upload[]> {
  return reader.select().from(uploads).where(isNull(uploads.discardedAt)).orderBy(desc(uploads.id)).limit(20);
}

export async function uploadOf(reader: Reader, id: string): Promise<Upload | null> {
  const [found] = await reader.select().from(uploads).where(eq(uploads.id, id));
  return found ?? null;
}

/** “Import”: once, after the dry run. */
export async function askImport(tx: Tx, by: string, id: string, now: Date): Promise<true | Refusal> {
  const asked = await tx
    .update(uploads)
    .set({ askedAt: now.getTime(), askedBy: by })
    .where(and(eq(uploads.id, id), isNotNull(uploads.checkedAt), isNull(uploads.askedAt), isNull(uploads.discardedAt)))
    .returning({ id: uploads.id });
  if (asked.length === 0) return refuse('asked', 'This file is being imported already, or was not looked at yet.');
  await record(tx, { by, action: 'imported', subject: `uploads:${id}` }, now);
  return true;
}

/** “Don’t import”, or an import that is over and needs no line here any more. */
export async function giveUp(tx: Tx, by: string, id: string, now: Date): Promise<true | Refusal> {
  const gone = await tx
    .update(uploads)
    .set({ discardedAt: now.getTime() })
    .where(and(eq(uploads.id, id), isNull(uploads.askedAt), isNull(uploads.discardedAt)))
    .returning({ id: uploads.id });
  if (gone.length === 0)
    return refuse('asked', 'This file is being imported already. When it is done, you can undo it.');
  await record(tx, { by, action: 'gave up', subject: `uploads:${id}` }, now);
  return true;
}

/** Takes the whole import back. */
export async function undoUpload(db: Db, by: string, id: string, now: Date): Promise<Undone | Refusal> {
  const upload = await uploadOf(db.read, id);
  if (!upload?.importId) return refuse('no-import', 'There is no import to undo here.');
  const undone = await undoImport(db, upload.importId, now);
  if (isRefusal(undone)) return undone;
  const { removed, emptied } = undone;
  await db.write((tx) =>
    record(tx, { by, action: 'undid the import', subject: `uploads:${id}`, detail: { ...removed, emptied } }, now),
  );
  return undone;
}

/** The job's part: looks at what was put down, imports what was asked for, removes what nobody needs. Answers how many it worked on. */
export async function workOnUploads(
  db: Db,
  open: () => Promise<Db>,
  folder: string,
  mappings: {
    named: (name: string) => Promise<Mapping | Refusal>;
    /** For people: what others this file’s columns fit. */
    fitting: (path: string) => Promise<string[]>;
  },
  now: Date,
): Promise<number> {
  const waiting = await db.read
    .select()
    .from(uploads)
    .where(
      and(
        isNull(uploads.discardedAt),
        or(isNull(uploads.checkedAt), and(isNotNull(uploads.askedAt), isNull(uploads.finishedAt))),
      ),
    )
    .orderBy(asc(uploads.id))
    .limit(1);
  for (const upload of waiting) {
    const mapping = await mappings.named(upload.mapping);
    const own = await open();
    try {
      const refused: RefusedRecord[] = [];
      const dryRun = upload.askedAt === null;
      let told = performance.now();
      const options = {
        path: fileOf(folder, upload),
        now,
        dryRun,
        onProgress({ part }: { part: number }) {
          if (performance.now() - told < TOLD_EVERY_MS) return;
          told = performance.now();
          // Writes go in the order they were asked for, so that the report comes after it.
          const underway: Underway = { part };
          void db
            .write((tx) => tx.update(uploads).set({ report: underway }).where(eq(uploads.id, upload.id)))
            .catch(() => {});
        },
        onRefused: (one: RefusedRecord) => refused.push(one),
      };
      const report = isRefusal(mapping) ? mapping : await importFile(own, { ...options, mapping });
      const shown = isRefusal(report)
        ? { code: report.code, sentence: report.sentence + (await otherMappings(report, options.path)) }
        : shownOf({ ...report, file: upload.fileName });
      const importId = isRefusal(report) ? null : report.importId;
      if (!isRefusal(report)) await writeFile(errorsOf(folder, upload), JSON.stringify(refused), { mode: 0o600 });
      await db.write((tx) =>
        tx
          .update(uploads)
          .set(
            dryRun
              ? { report: shown, checkedAt: now.getTime() }
              : { report: shown, importId, finishedAt: now.getTime() },
          )
          .where(eq(uploads.id, upload.id)),
      );
      if (!dryRun) await rm(fileOf(folder, upload), { force: true });
    } finally {
      await own.close();
    }
  }
  async function otherMappings({ code }: Refusal, path: string): Promise<string> {
    const fitting = code === 'header' ? await mappings.fitting(path) : [];
    return fitting.length > 0 ? ` Its columns fit: ${listed(fitting)}. Put it down again as that.` : '';
  }
  await db.write((tx) =>
    tx
      .update(uploads)
      .set({ report: null, discardedAt: now.getTime() })
      .where(and(lt(uploads.uploadedAt, now.getTime() - KEPT_MS), isNull(uploads.discardedAt))),
  );
  await removeGone(db.read, folder, now);
  return waiting.length;
}

async function removeGone(reader: Reader, folder: string, now: Date): Promise<void> {
  const files = await readdir(folder).catch(() => []);
  for (const file of files) {
    const upload = await uploadOf(reader, basename(file).split('.')[0]!);
    const old =
      upload && now.getTime() - upload.uploadedAt > KEPT_MS && (upload.askedAt === null || upload.finishedAt !== null);
    if (!upload || upload.discardedAt !== null || old) await rm(join(folder, file), { force: true });
  }
}

function shownOf(report: ImportReport): Shown {
  const { conflicts, conflicting, proposedMerges } = report;
  return {
    ...report,
    refused: report.refused.slice(0, SHOWN),
    conflicts: { rows: conflicting, first: conflicts.slice(0, SHOWN) },
    proposedMerges: { rows: proposedMerges.length, first: proposedMerges.slice(0, SHOWN) },
  };
}

/** Named by its id alone: what somebody called it is nowhere on the disk. */
function fileOf(folder: string, { id, fileName }: Pick<Upload, 'id' | 'fileName'>): string {
  return join(
    folder,
    `${id}.file${/^\.(csv|json|ndjson|jsonl|xlsx|txt|tsv)$/i.test(extname(fileName)) ? extname(fileName).toLowerCase() : ''}`,
  );
}

export function errorsOf(folder: string, { id }: Pick<Upload, 'id'>): string {
  return join(folder, `${id}.refused.json`);
}
