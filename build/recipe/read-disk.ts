import { defaultReserveBytes } from '../contract/engine-file.ts';
import type { FaultList } from '../errors/fault-list.ts';
import { formatBytes } from '../errors/format-quantity.ts';
import type { Place } from '../errors/keelson-error.ts';
import type { ReadRecipe } from './find-recipe.ts';
import type { Placed } from './merge-recipes.ts';
import type { Architecture, DiskRequest } from './recipe.ts';
import { parseSize } from './size.ts';

const mebibyte = 1024 ** 2;

/** The smallest that work: two unified kernel images and a boot loader; a small root; an ext4 with a journal. */
const minimums = {
  espSize: 40 * mebibyte,
  slotSize: 16 * mebibyte,
  stateSize: 16 * mebibyte,
} as const;

const defaults = {
  /** Two unified kernel images, and room. Debian does not compress the kernel for arm64: 31 MB where the other has 12. */
  espSize: { 'x86-64': 64 * mebibyte, arm64: 128 * mebibyte } satisfies Record<Architecture, number>,
  stateSize: 128 * mebibyte,
} as const;

/** The partition table before and after the partitions, aligned. */
const tableBytes = 2 * mebibyte;

type SizeKey = 'size' | 'espSize' | 'slotSize' | 'stateSize' | 'reserve' | 'imageBudget';

/** Sizes of all recipes, each key the last one given; checked against each other. */
export function readDisk(
  chain: readonly ReadRecipe[],
  architecture: Architecture,
  faults: FaultList,
): DiskRequest {
  const size = readSize(chain, 'size', faults);
  const placedEsp = readSize(chain, 'espSize', faults);
  const placedSlot = readSize(chain, 'slotSize', faults);
  const esp = placedEsp?.value ?? defaults.espSize[architecture];
  const slot = placedSlot?.value;
  const reserve = readSize(chain, 'reserve', faults)?.value;
  const budget = readSize(chain, 'imageBudget', faults);
  const state = readSize(chain, 'stateSize', faults)?.value;
  const request: DiskRequest = {
    ...(placedEsp === undefined ? {} : { espSizePlace: placedEsp.place }),
    ...(placedSlot === undefined ? {} : { slotSizePlace: placedSlot.place }),
    espSizeBytes: esp,
    slotSizeBytes: slot,
    headRoom: findLast(chain, 'headRoom') ?? 2,
    reserveBytes: reserve,
    stateSizeBytes: state ?? defaults.stateSize,
    ...(budget === undefined ? {} : { imageBudget: { sizeBytes: budget.value, place: budget.place } }),
    compression: findLast(chain, 'compression') ?? 'zstd',
  };
  if (size === undefined) return request;
  if (slot === undefined) {
    faults.add({
      code: 'DISK_INVALID',
      message: 'Cannot divide a disk of a given size: the size of its slots is not known',
      place: size.place,
      hint: 'add "slotSize", or remove "size" and give "stateSize"',
    });
    return request;
  }
  const parts = { esp, slot, reserve: reserve ?? defaultReserveBytes(slot) };
  const rest = size.value - tableBytes - esp - 2 * slot - parts.reserve;
  const least = state ?? minimums.stateSize;
  if (rest < least) reportTooSmall(size, { ...parts, state: least }, faults);
  return { ...request, stateSizeBytes: rest };
}

function findLast<Key extends 'headRoom' | 'compression'>(
  chain: readonly ReadRecipe[],
  key: Key,
): NonNullable<ReadRecipe['value']['disk']>[Key] {
  return chain.findLast(({ value }) => value.disk?.[key] !== undefined)?.value.disk?.[key];
}

function reportTooSmall(
  size: Placed<number>,
  parts: { readonly esp: number; readonly slot: number; readonly reserve: number; readonly state: number },
  faults: FaultList,
): void {
  const needed = tableBytes + parts.esp + 2 * parts.slot + parts.state + parts.reserve;
  faults.add({
    code: 'DISK_TOO_SMALL',
    message:
      `Cannot fit the partitions on a disk of ${formatBytes(size.value)}: they need ${formatBytes(needed)} ` +
      `(boot ${formatBytes(parts.esp)}, two slots of ${formatBytes(parts.slot)}, state ${formatBytes(parts.state)}, reserve ${formatBytes(parts.reserve)})`,
    place: size.place,
    hint: `make the disk at least ${Math.ceil(needed / mebibyte)}MiB, or the partitions or the reserve smaller`,
  });
}

function readSize(chain: readonly ReadRecipe[], key: SizeKey, faults: FaultList): Placed<number> | undefined {
  const recipe = chain.findLast(({ value }) => value.disk?.[key] !== undefined);
  const text = recipe?.value.disk?.[key];
  if (recipe === undefined || text === undefined) return undefined;
  const place: Place = recipe.source.place(['disk', key]);
  const value = text === 'none' ? 0 : parseSize(text);
  const minimum = key in minimums ? minimums[key as keyof typeof minimums] : 0;
  if (key !== 'imageBudget' && value % mebibyte !== 0) {
    faults.add({
      code: 'SIZE_INVALID',
      message: `Cannot use ${text} for "${key}": partitions are aligned to whole MiB`,
      place,
      hint: `write ${Math.ceil(value / mebibyte)}MiB`,
    });
  }
  if (value < minimum) {
    faults.add({
      code: 'DISK_TOO_SMALL',
      message: `Cannot use ${text} for "${key}": it needs at least ${formatBytes(minimum)}`,
      place,
      hint: `write ${minimum / mebibyte}MiB or more`,
    });
  }
  return { value, place };
}
