import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventSink } from '../events/build-event.ts';
import { withSpan } from '../events/span.ts';
import type { BuildHost } from '../host/build-host.ts';
import { markState, processMark } from './process-mark.ts';
import { errorCode } from './store-error.ts';

const pollMs = 150;

/** The parts of a workshop that a lock needs. */
export interface LockWorkshop {
  readonly store: { readonly root: string };
  readonly host: Pick<BuildHost, 'wait' | 'signal'>;
  readonly emit: EventSink;
}

/**
 * Runs `action` while no other living process of this computer runs one under the same name. Only saves work: what
 * is done under it is written aside and renamed, so a lock that fails to hold (another pid namespace) does no harm.
 */
export async function withLock<T>(
  { store, host, emit }: LockWorkshop,
  name: string,
  action: () => Promise<T>,
): Promise<T> {
  const path = join(store.root, 'locks', name);
  const mark = processMark();
  if (!(await take(path, mark))) {
    await withSpan(emit, { kind: 'wait', title: 'wait for another build' }, async () => {
      do {
        host.signal.throwIfAborted();
        await host.wait(pollMs);
      } while (!(await take(path, mark)));
    });
  }
  try {
    return await action();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(path: string, mark: string): Promise<boolean> {
  try {
    await writeFile(path, mark, { flag: 'wx' });
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  const holder = await readFile(path, 'utf8').catch(() => undefined);
  if (holder === undefined) return false;
  const state = markState(holder);
  if (state === 'alive') return false;
  if (state === 'unknown' && holder !== '') return true;
  await breakLock(path, mark, holder);
  return false;
}

/** Renamed away first, so that of two waiters only one removes it, and put back if it was a fresh one. */
async function breakLock(path: string, mark: string, holder: string): Promise<void> {
  const aside = `${path}.broken-${mark}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await readFile(aside, 'utf8')) !== holder) {
    await writeFile(path, await readFile(aside), { flag: 'wx' }).catch(() => undefined);
  }
  await rm(aside, { force: true });
}
