import {
  type DiskGeometry,
  listPartitions,
  type PartitionTable,
} from '../../../build/contract/partition-table.ts';
import { slotTailBytes } from '../../../build/contract/slot-layout.ts';
import { type Extent, freeExtents, sectorsFor } from '../shared/partition-table/free-extents.ts';

export type RelocationPlan =
  | { readonly kind: 'fits' }
  | { readonly kind: 'move'; readonly place: Extent }
  | { readonly kind: 'too-large'; readonly largestBytes: number };

/**
 * Where a slot goes so that it can hold an image: nowhere when it is large enough as it is; to a place of `headRoom` times the
 * image, or the largest there is. Its own sectors count as free, for what is in it is about to be written over; those of
 * every other partition do not. A place that begins where the slot begins comes first: there its content is still a source of
 * blocks that need not be fetched.
 */
export function planRelocation(
  table: PartitionTable,
  geometry: DiskGeometry,
  slotNumber: number,
  imageBytes: number,
  headRoom: number,
): RelocationPlan {
  const slot = listPartitions(table).find(({ number }) => number === slotNumber);
  if (slot === undefined) throw new Error(`the disk has no partition ${slotNumber}`);
  const neededBytes = imageBytes + slotTailBytes;
  if (slot.sizeSectors * geometry.sectorBytes >= neededBytes) return { kind: 'fits' };
  const needed = sectorsFor(neededBytes, geometry);
  const wanted = sectorsFor(Math.max(headRoom * imageBytes, neededBytes), geometry);
  const free = freeExtents(table, geometry, slotNumber);
  const places = free.flatMap((extent) => {
    const end = extent.startSector + extent.sizeSectors;
    const isOwn = extent.startSector < slot.startSector && slot.startSector < end;
    return isOwn
      ? [extent, { startSector: slot.startSector, sizeSectors: end - slot.startSector }]
      : [extent];
  });
  const [best] = places
    .filter(({ sizeSectors }) => sizeSectors >= needed)
    .map(({ startSector, sizeSectors }) => ({
      startSector,
      sizeSectors: Math.min(sizeSectors, wanted),
      of: sizeSectors,
    }))
    .sort(
      (one, other) =>
        other.sizeSectors - one.sizeSectors ||
        Number(other.startSector === slot.startSector) - Number(one.startSector === slot.startSector) ||
        // The smallest hole that will do, so that the large ones stay whole.
        one.of - other.of ||
        one.startSector - other.startSector,
    );
  if (best === undefined) {
    const largest = Math.max(0, ...free.map(({ sizeSectors }) => sizeSectors));
    return { kind: 'too-large', largestBytes: largest * geometry.sectorBytes };
  }
  return { kind: 'move', place: { startSector: best.startSector, sizeSectors: best.sizeSectors } };
}
