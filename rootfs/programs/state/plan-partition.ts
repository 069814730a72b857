import { defaultReserveBytes } from '../../../build/contract/engine-file.ts';
import { partitionLabels } from '../../../build/contract/machine-layout.ts';
import {
  type DiskGeometry,
  listPartitions,
  type PartitionTable,
  usableEnd,
} from '../../../build/contract/partition-table.ts';
import { alignDown, type Extent, freeExtents, sectorsFor } from '../shared/partition-table/free-extents.ts';

export type PartitionPlan =
  | { readonly kind: 'keep'; readonly number: number }
  | ({ readonly kind: 'grow'; readonly number: number } & Extent)
  | ({ readonly kind: 'add' } & Extent)
  | { readonly kind: 'none'; readonly reason: string };

/** Less room is not worth a state partition. */
const leastBytes = 16 * 1024 * 1024;
const stepBytes = 1024 * 1024;

/** What to do so that the state partition reaches up to the reserve at the end of the disk. */
export function planPartition(
  table: PartitionTable,
  geometry: DiskGeometry,
  reserveBytes: number | undefined,
): PartitionPlan {
  const partitions = listPartitions(table);
  const found = partitions.find(({ label }) => label === partitionLabels.state);
  const reserve = sectorsFor(reserveBytes ?? defaultReserve(table, geometry), geometry);
  const end = alignDown(usableEnd(table, geometry), geometry);
  if (found === undefined) return planNew(freeExtents(table, geometry), end - reserve, geometry);
  const { number, startSector } = found;
  const sizeSectors = alignDown(end - reserve - startSector, geometry);
  // A slot that moved into the reserve ends the growth of what lies before it.
  const isLast = partitions.every((other) => other.startSector <= startSector);
  return isLast && sizeSectors - found.sizeSectors >= stepBytes / geometry.sectorBytes
    ? { kind: 'grow', number, startSector, sizeSectors }
    : { kind: 'keep', number };
}

function defaultReserve(table: PartitionTable, { sectorBytes }: DiskGeometry): number {
  const slots: readonly string[] = [partitionLabels.slotA, partitionLabels.slotB];
  const sizes = listPartitions(table).filter(({ label }) => slots.includes(label));
  return defaultReserveBytes(Math.max(0, ...sizes.map(({ sizeSectors }) => sizeSectors)) * sectorBytes);
}

/** The largest free place outside of the reserve; when there is none, the reserve goes: state is needed more. */
function planNew(free: readonly Extent[], reserveFrom: number, geometry: DiskGeometry): PartitionPlan {
  const outside = free.map(({ startSector, sizeSectors }) => ({
    startSector,
    sizeSectors: Math.min(sizeSectors, alignDown(reserveFrom - startSector, geometry)),
  }));
  for (const extents of [outside, free]) {
    const [largest] = [...extents].sort((one, other) => other.sizeSectors - one.sizeSectors);
    if (largest !== undefined && largest.sizeSectors * geometry.sectorBytes >= leastBytes) {
      return { kind: 'add', ...largest };
    }
  }
  return {
    kind: 'none',
    reason: `no partition is labelled ${partitionLabels.state}, and the disk has no room for one`,
  };
}
