import type { FaultList } from '../errors/fault-list.ts';
import { formatBytes } from '../errors/format-quantity.ts';
import type { Place } from '../errors/keelson-error.ts';
import type { ReadRecipe } from './find-recipe.ts';
import type { Placed } from './merge-recipes.ts';
import type { DiskRequest } from './recipe.ts';
import { parseSize } from './size.ts';

const mebibyte = 1024 ** 2;

/** The smallest that work: two unified kernel images and a boot loader; a small root; an ext4 with a journal. */
const minimums = {
  espSize: 40 * mebibyte,
  slotSize: 16 * mebibyte,
  stateSize: 16 * mebibyte,
} as const;

const defaults = { espSize: 64 * mebibyte, stateSize: 128 * mebibyte } as const;

/** The partition table before and after the partitions, aligned. */
const tableBytes = 2 * mebibyte;

type DiskKey = 'size' | 'espSize' | 'slotSize' | 'stateSize';

/** Sizes of all recipes, each key the last one given; checked against each other. */
export function readDisk(chain: readonly ReadRecipe[], faults: FaultList): DiskRequest {
  const size = readSize(chain, 'size', faults);
  const placedEsp = readSize(chain, 'espSize', faults);
  const placedSlot = readSize(chain, 'slotSize', faults);
  const esp = placedEsp?.value ?? defaults.espSize;
  const slot = placedSlot?.value;
  const places = {
    ...(placedEsp === undefined ? {} : { espSizePlace: placedEsp.place }),
    ...(placedSlot === undefined ? {} : { slotSizePlace: placedSlot.place }),
  };
  const state = readSize(chain, 'stateSize', faults)?.value;
  if (size === undefined) {
    return { ...places, espSizeBytes: esp, slotSizeBytes: slot, stateSizeBytes: state ?? defaults.stateSize };
  }
  if (slot === undefined) {
    faults.add({
      code: 'DISK_INVALID',
      message: 'Cannot divide a disk of a given size: the size of its slots is not known',
      place: size.place,
      hint: 'add "slotSize", or remove "size" and give "stateSize"',
    });
    return { ...places, espSizeBytes: esp, slotSizeBytes: slot, stateSizeBytes: state ?? defaults.stateSize };
  }
  const rest = size.value - tableBytes - esp - 2 * slot;
  const least = state ?? minimums.stateSize;
  if (rest < least) reportTooSmall(size, { esp, slot, state: least }, faults);
  return { ...places, espSizeBytes: esp, slotSizeBytes: slot, stateSizeBytes: rest };
}

function reportTooSmall(
  size: Placed<number>,
  parts: { readonly esp: number; readonly slot: number; readonly state: number },
  faults: FaultList,
): void {
  const needed = tableBytes + parts.esp + 2 * parts.slot + parts.state;
  faults.add({
    code: 'DISK_TOO_SMALL',
    message:
      `Cannot fit the partitions on a disk of ${formatBytes(size.value)}: they need ${formatBytes(needed)} ` +
      `(boot ${formatBytes(parts.esp)}, two slots of ${formatBytes(parts.slot)}, state ${formatBytes(parts.state)})`,
    place: size.place,
    hint: `make the disk at least ${Math.ceil(needed / mebibyte)}MiB, or the partitions smaller`,
  });
}

function readSize(chain: readonly ReadRecipe[], key: DiskKey, faults: FaultList): Placed<number> | undefined {
  const recipe = chain.findLast(({ value }) => value.disk?.[key] !== undefined);
  const text = recipe?.value.disk?.[key];
  if (recipe === undefined || text === undefined) return undefined;
  const place: Place = recipe.source.place(['disk', key]);
  const value = parseSize(text);
  const minimum = key === 'size' ? 0 : minimums[key];
  if (value % mebibyte !== 0) {
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
