import { chmod, constants, copyFile, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { copyIntoSparse, writeSparseFile } from '../disk/sparse-file.ts';
import { asOutputError } from './output-error.ts';
import { makeAside, openOutputFolder } from './output-folder.ts';
import type { FinishedFile } from './output-format.ts';

export interface PlacedFile extends FinishedFile {
  /** In the output folder. */
  readonly name: string;
}

/** What was written last, and how it looked on disk then: a file that still looks so is not written again. */
interface Stamp {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/**
 * Puts files into a folder under their names. Each is written aside and renamed, so that none is ever there half; those
 * that are there already are left alone. `stampName` is a small hidden file that remembers digests.
 */
export async function placeFiles(
  outputFolder: string,
  files: readonly PlacedFile[],
  stampName: string,
  signal: AbortSignal,
): Promise<void> {
  let aside: string | undefined;
  try {
    await openOutputFolder(outputFolder);
    const stampPath = join(outputFolder, stampName);
    const before = await readStamps(stampPath);
    const stamps: Record<string, Stamp> = {};
    for (const file of files) {
      const target = join(outputFolder, file.name);
      const known = before[file.name];
      const isThere = known?.sha256 === file.sha256 && isSame(known, await lookAt(target));
      if (!isThere) {
        signal.throwIfAborted();
        aside ??= await makeAside(outputFolder);
        const written = join(aside, file.name);
        await copySparse(file, written, signal);
        await rename(written, target);
      }
      const seen = await lookAt(target);
      if (seen !== undefined) stamps[file.name] = { sha256: file.sha256, ...seen };
    }
    if (aside !== undefined) {
      await writeFile(join(aside, 'stamps'), `${JSON.stringify(stamps, null, 1)}\n`);
      await rename(join(aside, 'stamps'), stampPath);
    }
  } catch (error) {
    throw asOutputError(outputFolder, error);
  } finally {
    if (aside !== undefined) await rm(aside, { recursive: true, force: true });
  }
}

/** A clone where the file system can do that, else a copy with holes. */
async function copySparse(file: FinishedFile, target: string, signal: AbortSignal): Promise<void> {
  try {
    await copyFile(file.path, target, constants.COPYFILE_FICLONE_FORCE);
  } catch {
    await rm(target, { force: true });
    await writeSparseFile(target, file.sizeBytes, (handle) => copyIntoSparse(handle, file.path, 0, signal));
  }
  await chmod(target, 0o644);
}

async function lookAt(path: string): Promise<{ sizeBytes: number; modifiedMs: number } | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { sizeBytes: size, modifiedMs: mtimeMs };
  } catch {
    return undefined;
  }
}

function isSame(stamp: Stamp, seen: { sizeBytes: number; modifiedMs: number } | undefined): boolean {
  return stamp.sizeBytes === seen?.sizeBytes && stamp.modifiedMs === seen.modifiedMs;
}

/** A stamp that cannot be read is none: then everything is written again. */
async function readStamps(path: string): Promise<Readonly<Record<string, Stamp>>> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, Stamp>;
  } catch {
    return {};
  }
}
