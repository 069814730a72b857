import {
  type DiskGeometry,
  listPartitions,
  type PartitionTable,
  usableEnd,
} from '../../../../build/contract/partition-table.ts';

/** Sectors of the disk; both ends at whole MiB. */
export interface Extent {
  readonly startSector: number;
  readonly sizeSectors: number;
}

const alignmentBytes = 1024 * 1024;

/** What no partition has, in the order of the disk; the partition `without` counts as if it were gone. */
export function freeExtents(
  table: PartitionTable,
  geometry: DiskGeometry,
  without?: number,
): readonly Extent[] {
  const taken = listPartitions(table)
    .filter(({ number }) => number !== without)
    .sort((one, other) => one.startSector - other.startSector);
  const end = { startSector: usableEnd(table, geometry), sizeSectors: 0 };
  const found: Extent[] = [];
  let freeFrom = table.firstUsableSector;
  for (const { startSector, sizeSectors } of [...taken, end]) {
    const from = alignUp(freeFrom, geometry);
    const size = alignDown(startSector, geometry) - from;
    if (size > 0) found.push({ startSector: from, sizeSectors: size });
    freeFrom = Math.max(freeFrom, startSector + sizeSectors);
  }
  return found;
}

/** The fewest whole MiB for that many bytes, in sectors. */
export function sectorsFor(bytes: number, geometry: DiskGeometry): number {
  return alignUp(Math.ceil(bytes / geometry.sectorBytes), geometry);
}

/** No more than that many sectors, in whole MiB. */
export function alignDown(sectors: number, { sectorBytes }: DiskGeometry): number {
  const alignment = alignmentBytes / sectorBytes;
  return Math.floor(sectors / alignment) * alignment;
}

function alignUp(sectors: number, { sectorBytes }: DiskGeometry): number {
  const alignment = alignmentBytes / sectorBytes;
  return Math.ceil(sectors / alignment) * alignment;
}
