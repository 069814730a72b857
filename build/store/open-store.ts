import { randomBytes } from 'node:crypto';
import { existsSync, statSync, utimesSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { EventSink } from '../events/build-event.ts';
import { type SpanFacts, withSpan } from '../events/span.ts';
import type { BuildHost } from '../host/build-host.ts';
import { canonicalJson, digestOf } from './canonical-json.ts';
import { moduleDigest } from './module-digest.ts';
import { processMark } from './process-mark.ts';
import type { BlobReference, Sha256, StepOutput, StepSpec, Store } from './store.ts';
import { asStoreError, errorCode } from './store-error.ts';
import { withLock } from './store-lock.ts';

/** Part of every step's id; raised when the meaning of the store's content changes. */
const storeFormat = 1;

/** Folders of a store; `sessions` holds a mark for each process that uses it, `partial` unfinished downloads. */
export const storeFolders = ['blobs/sha256', 'locks', 'partial', 'sessions', 'steps', 'tmp'] as const;

export interface StoreOptions {
  readonly root: string;
  readonly host: BuildHost;
  readonly emit?: EventSink;
}

/** `$XDG_CACHE_HOME/keelson`, or `~/.cache/keelson` (XDG base directory specification: relative paths are ignored). */
export function defaultStoreRoot(host: Pick<BuildHost, 'environmentVariable'>): string {
  const cache = host.environmentVariable('XDG_CACHE_HOME') ?? '';
  if (isAbsolute(cache)) return join(cache, 'keelson');
  return join(host.environmentVariable('HOME') || homedir(), '.cache', 'keelson');
}

export async function openStore({ root, host, emit = () => undefined }: StoreOptions): Promise<Store> {
  try {
    for (const folder of storeFolders) await mkdir(join(root, folder), { recursive: true });
    await writeFile(join(root, 'sessions', processMark()), '');
  } catch (error) {
    throw asStoreError(root, 'open the store', error);
  }
  const running = new Map<Sha256, Promise<StepOutput>>();
  const stepOnce: Store['step'] = async (spec, produce) => {
    const id = stepId(spec);
    const earlier = running.get(id);
    if (earlier !== undefined) {
      return withSpan(emit, { kind: 'wait', title: 'wait for the same step' }, () => earlier);
    }
    const output = runStep({ store, host, emit }, spec, id, produce).finally(() => running.delete(id));
    running.set(id, output);
    return output;
  };
  const store: Store = {
    root,
    blobPath: (sha256) => join(root, 'blobs', 'sha256', sha256.slice(0, 2), sha256),
    hasBlob: (reference) => hasBlob(store, host, reference),
    step: (spec, produce) =>
      withSpan(emit, { kind: 'step', title: spec.title }, () => stepOnce(spec, produce), describeStep),
  };
  return store;
}

function describeStep({ id, isCached }: StepOutput): SpanFacts {
  return { result: isCached ? 'hit' : 'ran', id };
}

/** The identity of a step: what it may read, and the code that reads it. */
export function stepId(spec: StepSpec): Sha256 {
  const code = moduleDigest(spec.moduleUrl);
  return digestOf(canonicalJson({ format: storeFormat, title: spec.title, code, inputs: spec.inputs }));
}

interface StepContext {
  readonly store: Store;
  readonly host: BuildHost;
  readonly emit: EventSink;
}

async function runStep(
  { store, host, emit }: StepContext,
  spec: StepSpec,
  id: Sha256,
  produce: (folder: string) => Promise<void>,
): Promise<StepOutput> {
  const startedMs = host.now();
  const folder = join(store.root, 'steps', id);
  const finish = (isCached: boolean): StepOutput => {
    const seconds = (host.now() - startedMs) / 1000;
    emit({ type: 'step-finished', title: spec.title, id, isCached, seconds });
    return { id, folder, isCached };
  };
  if (touch(host, folder)) return finish(true);
  try {
    return await withLock({ store, host, emit }, id, async () => {
      if (touch(host, folder)) return finish(true);
      await produceAside(store, host, folder, produce);
      return finish(false);
    });
  } catch (error) {
    throw asStoreError(store.root, `finish "${spec.title}"`, error);
  }
}

/** Written aside, made read-only, renamed: a step's folder is there whole or not at all. */
async function produceAside(
  store: Store,
  host: Pick<BuildHost, 'now'>,
  folder: string,
  produce: (folder: string) => Promise<void>,
): Promise<void> {
  const aside = temporaryPath(store);
  await mkdir(aside);
  try {
    await produce(aside);
    await makeReadOnly(aside, false);
    await rename(aside, folder);
    await chmod(folder, 0o555);
  } catch (error) {
    await removeTree(aside);
    const isLost = errorCode(error) === 'ENOTEMPTY' || errorCode(error) === 'EEXIST';
    // Another build was first: its result is as good.
    if (!(isLost && touch(host, folder))) throw error;
  }
}

/** A path in `tmp/` that no other process uses; the name says who made it, so that leftovers can be collected. */
export function temporaryPath(store: { readonly root: string }): string {
  return join(store.root, 'tmp', `${processMark()}-${randomBytes(6).toString('hex')}`);
}

async function hasBlob(
  store: Store,
  host: Pick<BuildHost, 'now'>,
  { sha256, sizeBytes }: BlobReference,
): Promise<boolean> {
  const path = store.blobPath(sha256);
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.size === sizeBytes && touch(host, path);
}

/**
 * Marks as used now; `false` when it does not exist. The time of last use is what `collectStore` goes by. One system call, made
 * in this turn: a warm build does nothing else so often.
 */
function touch(host: Pick<BuildHost, 'now'>, path: string): boolean {
  const now = host.now() / 1000;
  try {
    utimesSync(path, now, now);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    // A store that may only be read is still good for hits.
    return existsSync(path);
  }
}

/** Takes write permission from all below; the folder itself only when `isSelfToo`, as renaming it needs it. */
async function makeReadOnly(path: string, isSelfToo: boolean): Promise<void> {
  const stats = await lstat(path);
  if (stats.isDirectory()) {
    for (const name of await readdir(path)) await makeReadOnly(join(path, name), true);
  }
  if (isSelfToo && !stats.isSymbolicLink() && (stats.mode & 0o222) !== 0) {
    await chmod(path, stats.mode & 0o7555);
  }
}

/** Removes a folder whose parts may be read-only. */
export async function removeTree(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return;
  if (stats.isDirectory()) {
    if ((stats.mode & 0o700) !== 0o700) await chmod(path, 0o700);
    for (const name of await readdir(path)) await removeTree(join(path, name));
  }
  await rm(path, { recursive: true, force: true });
}
