import { ChangedDisk } from './changed-disk.ts';
import { type DiskBytes, sectorBytes } from './disk-bytes.ts';
import type { DiskMap } from './disk-map.ts';
import type { LogEntry, LoggedWrite } from './write-log.ts';

/**
 * The states in which a power cut may leave a disk: what was written before the last flush is there, and of what came after it
 * any part. The smallest part is a sector where names, chains and tables lie; data arrives by whole requests, or not at all. A
 * sector that was written several times holds any of its contents.
 */
export interface CrashState {
  /** As long as the next one is not asked for. */
  readonly disk: ChangedDisk;
  /** Which flush was the last, from 0, and what came through after it. */
  readonly window: number;
  readonly landed: string;
}

/** What arrives whole or not at all, in the order of its contents. */
interface Unit {
  readonly label: string;
  readonly isMetadata: boolean;
  readonly contents: readonly { readonly offsetBytes: number; readonly bytes: Buffer }[];
}

export interface CrashStateOptions {
  readonly base: DiskBytes;
  readonly entries: readonly LogEntry[];
  readonly data: (write: LoggedWrite) => Buffer;
  readonly map: DiskMap;
  readonly random: () => number;
  /** Of one window in which names, chains or tables are written; all when it has no more. Of others few are taken. */
  readonly mostPerWindow: number;
  /** As if the disk lied about them: what a machine must survive only in part. */
  readonly hasNoFlushes?: boolean;
}

/** For windows with data alone: its part of `mostPerWindow`. */
const dataShare = 1 / 16;

export function* crashStates(options: CrashStateOptions): Generator<CrashState> {
  const durable = new ChangedDisk(options.base);
  let window = 0;
  let writes: LoggedWrite[] = [];
  const closeWindow = function* (): Generator<CrashState> {
    const units = unitsOf(writes, options);
    for (const choice of choices(units, options)) {
      const disk = new ChangedDisk(durable);
      const landed: string[] = [];
      units.forEach(({ label, contents }, index) => {
        const version = choice[index] ?? 0;
        const content = version === 0 ? undefined : contents[version - 1];
        if (content === undefined) return;
        disk.write(content.offsetBytes, content.bytes);
        landed.push(version === contents.length ? label : `${label} (${version} of ${contents.length})`);
      });
      yield { disk, window, landed: describe(landed, units.length) };
    }
    for (const write of writes) durable.write(write.offsetBytes, options.data(write));
    writes = [];
    window++;
  };
  for (const entry of options.entries) {
    if (entry.kind === 'write') writes.push(entry);
    else if (entry.kind === 'flush' && writes.length > 0 && options.hasNoFlushes !== true)
      yield* closeWindow();
  }
  yield* closeWindow();
}

function describe(landed: readonly string[], count: number): string {
  if (landed.length === count) return 'everything';
  return landed.length === 0 ? 'nothing' : landed.slice(0, 12).join(', ') + (landed.length > 12 ? ', …' : '');
}

function unitsOf(writes: readonly LoggedWrite[], { data, map }: CrashStateOptions): readonly Unit[] {
  const units = new Map<number, Unit & { readonly contents: { offsetBytes: number; bytes: Buffer }[] }>();
  const add = (offsetBytes: number, bytes: Buffer) => {
    const { name, isMetadata } = map.placeOf(offsetBytes);
    const unit = units.get(offsetBytes) ?? { label: `${name}@${offsetBytes}`, isMetadata, contents: [] };
    unit.contents.push({ offsetBytes, bytes });
    units.set(offsetBytes, unit);
  };
  for (const write of writes) {
    const bytes = data(write);
    if (!map.placeOf(write.offsetBytes).isMetadata) {
      add(write.offsetBytes, bytes);
      continue;
    }
    for (let at = 0; at < bytes.length; at += sectorBytes) {
      add(write.offsetBytes + at, bytes.subarray(at, at + sectorBytes));
    }
  }
  return [...units.values()];
}

/** For each unit how many of its contents came through. */
function* choices(units: readonly Unit[], options: CrashStateOptions): Generator<readonly number[]> {
  const total = units.reduce((product, { contents }) => product * (contents.length + 1), 1);
  const hasMetadata = units.some(({ isMetadata }) => isMetadata);
  const most = hasMetadata ? options.mostPerWindow : Math.ceil(options.mostPerWindow * dataShare);
  if (total <= most) {
    for (let number = 0; number < total; number++) yield digits(number, units);
    return;
  }
  const seen = new Set<string>();
  for (const choice of samples(units, options)) {
    const key = choice.join();
    if (seen.has(key)) continue;
    seen.add(key);
    yield choice;
    if (seen.size >= most) return;
  }
}

function digits(number: number, units: readonly Unit[]): readonly number[] {
  let rest = number;
  return units.map(({ contents }) => {
    const digit = rest % (contents.length + 1);
    rest = Math.floor(rest / (contents.length + 1));
    return digit;
  });
}

/** Without end: the telling ones first, in an order by chance, then what chance gives. */
function* samples(units: readonly Unit[], { random }: CrashStateOptions): Generator<readonly number[]> {
  const all = units.map(({ contents }) => contents.length);
  yield all.map(() => 0);
  yield all;
  const order = units.map((_, index) => index);
  for (const index of shuffle(order, random)) {
    const [without, only, prefix] = [
      [...all],
      all.map(() => 0),
      all.map((full, at) => (at <= index ? full : 0)),
    ];
    without[index] = 0;
    only[index] = all[index] ?? 0;
    yield without;
    yield only;
    yield prefix;
    yield all.map((full) => (random() < 0.5 ? full : Math.floor(random() * (full + 1))));
  }
  for (let round = 0; round < 100_000; round++) {
    const share = random();
    yield all.map((full) => (random() < share ? full : Math.floor(random() * (full + 1))));
  }
}

function shuffle<Value>(values: readonly Value[], random: () => number): readonly Value[] {
  return values
    .map((value) => ({ value, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ value }) => value);
}
