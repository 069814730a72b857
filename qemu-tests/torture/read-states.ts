import { open } from 'node:fs/promises';
import type { ChangedDisk } from '../support/disk/changed-disk.ts';
import { type CrashState, crashStates } from '../support/disk/crash-states.ts';
import { openDiskFile } from '../support/disk/disk-bytes.ts';
import { type DigestCache, judgeDisk } from '../support/disk/judge-disk.ts';
import { randomFrom } from '../support/disk/random.ts';
import { WriteLog } from '../support/disk/write-log.ts';
import { copySparse } from './copy-sparse.ts';
import { type Life, lifeOf, type Prepared } from './prepare.ts';

/** All states of one stretch of a machine's life, as the independent reader sees them. */
export interface StatesRead {
  readonly prepared: Prepared;
  readonly life: Life;
  readonly states: number;
  /** Stretches between two flushes. */
  readonly windows: number;
  /** How many states boot what. */
  readonly boots: Readonly<Record<string, number>>;
  /** The first few that boot nothing. */
  readonly faults: readonly string[];
  readonly faultCount: number;
  /** What was strange and does no harm, with how often. */
  readonly notes: Readonly<Record<string, number>>;
}

export interface StateOptions {
  readonly seed: number;
  readonly mostPerWindow: number;
  readonly hasNoFlushes?: boolean;
}

const toldFaults = 10;

/** Every legal crash state of a recorded stretch (where there are too many: a sample), each read and judged. */
export function readStates(prepared: Prepared, life: Life, options: StateOptions): StatesRead {
  const cache: DigestCache = new Map();
  const boots: Record<string, number> = {};
  const notes: Record<string, number> = {};
  const faults: string[] = [];
  let [states, windows, faultCount] = [0, 0, 0];
  for (const { disk, window, landed } of statesOf(prepared, life, options)) {
    states++;
    windows = Math.max(windows, window + 1);
    const verdict = judgeDisk(disk, prepared.known, cache);
    for (const note of verdict.notes) notes[note] = (notes[note] ?? 0) + 1;
    const name = verdict.boots === undefined ? 'nothing' : `${verdict.boots.name} (${verdict.boots.version})`;
    boots[name] = (boots[name] ?? 0) + 1;
    if (verdict.faults.length === 0) continue;
    faultCount++;
    if (faults.length < toldFaults)
      faults.push(`${life}, after flush ${window}, landed: ${landed}: ${verdict.faults.join('; ')}`);
  }
  return { prepared, life, states, windows, boots, faults, faultCount, notes };
}

/** The same states in the same order for the same seed. */
export function* statesOf(prepared: Prepared, life: Life, options: StateOptions): Generator<CrashState> {
  const { beginning, writeLogPath, map } = lifeOf(prepared, life);
  using base = openDiskFile(beginning.diskPath, beginning.diskSizeBytes);
  using log = new WriteLog(writeLogPath);
  const entries = log.readNew();
  yield* crashStates({
    base,
    entries,
    data: (write) => log.data(write),
    map,
    random: randomFrom(options.seed),
    ...options,
  });
}

/** A crash state as a raw disk of its own. */
export async function writeState(
  prepared: Prepared,
  life: Life,
  disk: ChangedDisk,
  path: string,
): Promise<void> {
  const { diskPath } = lifeOf(prepared, life).beginning;
  await copySparse(diskPath, path);
  const file = await open(path, 'r+');
  try {
    await file.truncate(disk.sizeBytes);
    for (const { offsetBytes, bytes } of disk.allChanges())
      await file.write(bytes, 0, bytes.length, offsetBytes);
  } finally {
    await file.close();
  }
}
