import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from './open-store.ts';
import { markState, processMark } from './process-mark.ts';
import type { Store } from './store.ts';

export const storeKinds = ['downloads', 'step outputs', 'unfinished'] as const;
export type StoreKind = (typeof storeKinds)[number];

export interface StoreListing {
  readonly kind: StoreKind;
  readonly count: number;
  /** What it takes on the disk, holes of sparse files not counted. */
  readonly sizeBytes: number;
}

export interface CollectRequest {
  /** Keeps what was used in this time. */
  readonly olderThanMs: number;
  readonly nowMs: number;
}

/** What lies in the store, by kind. */
export async function listStore(store: Store): Promise<StoreListing[]> {
  const entries = await storeEntries(store.root);
  return Promise.all(
    storeKinds.map(async (kind) => {
      const paths = entries.filter((entry) => entry.kind === kind).map(({ path }) => path);
      let sizeBytes = 0;
      for (const path of paths) sizeBytes += await diskUse(path);
      return { kind, count: paths.length, sizeBytes };
    }),
  );
}

/**
 * Removes what was not used for a while, and what killed builds left behind. Builds that run meanwhile keep all they
 * have used since they began.
 */
export async function collectStore(
  store: Store,
  { olderThanMs, nowMs }: CollectRequest,
): Promise<{ removedCount: number; freedBytes: number }> {
  const keptSinceMs = Math.min(nowMs - olderThanMs, await oldestOtherSession(store.root));
  let removedCount = 0;
  let freedBytes = 0;
  for (const entry of await storeEntries(store.root)) {
    const stats = await lstat(entry.path).catch(() => undefined);
    if (stats === undefined || isKept(entry, stats.mtimeMs, keptSinceMs)) continue;
    const sizeBytes = await diskUse(entry.path);
    await removeTree(entry.path);
    removedCount += 1;
    freedBytes += sizeBytes;
  }
  await removeDeadMarks(store.root);
  return { removedCount, freedBytes };
}

interface StoreEntry {
  readonly kind: StoreKind;
  readonly path: string;
  /** Of the process that is writing it. */
  readonly mark?: string;
}

function isKept({ mark }: StoreEntry, usedMs: number, keptSinceMs: number): boolean {
  if (mark === undefined) return usedMs > keptSinceMs;
  const state = markState(mark);
  return state === 'alive' || (state === 'unknown' && usedMs > keptSinceMs);
}

async function storeEntries(root: string): Promise<StoreEntry[]> {
  const blobs = join(root, 'blobs', 'sha256');
  const entries: StoreEntry[] = [];
  for (const prefix of await sortedNames(blobs)) {
    for (const name of await sortedNames(join(blobs, prefix))) {
      entries.push({ kind: 'downloads', path: join(blobs, prefix, name) });
    }
  }
  for (const name of await sortedNames(join(root, 'steps'))) {
    entries.push({ kind: 'step outputs', path: join(root, 'steps', name) });
  }
  for (const name of await sortedNames(join(root, 'partial'))) {
    entries.push({ kind: 'unfinished', path: join(root, 'partial', name) });
  }
  for (const name of await sortedNames(join(root, 'tmp'))) {
    entries.push({ kind: 'unfinished', path: join(root, 'tmp', name), mark: name });
  }
  return entries;
}

async function sortedNames(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

async function diskUse(path: string): Promise<number> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return 0;
  let total = stats.blocks * 512;
  if (stats.isDirectory()) {
    for (const name of await sortedNames(path)) total += await diskUse(join(path, name));
  }
  return total;
}

/** When the oldest of the other processes that use the store began to; infinity when there is none. */
async function oldestOtherSession(root: string): Promise<number> {
  const sessions = join(root, 'sessions');
  let oldestMs = Number.POSITIVE_INFINITY;
  for (const mark of await sortedNames(sessions)) {
    if (mark === processMark() || markState(mark) === 'dead') continue;
    const stats = await lstat(join(sessions, mark)).catch(() => undefined);
    if (stats !== undefined) oldestMs = Math.min(oldestMs, stats.mtimeMs);
  }
  return oldestMs;
}

async function removeDeadMarks(root: string): Promise<void> {
  const sessions = join(root, 'sessions');
  for (const mark of await sortedNames(sessions)) {
    if (markState(mark) === 'dead') await rm(join(sessions, mark), { force: true });
  }
}
