/** The part of `sfdisk --json` that is read. Sectors are the disk's own. */
export interface PartitionTable {
  readonly partitiontable: {
    readonly label: string;
    readonly sectorsize: number;
    readonly partitions?: readonly {
      readonly node: string;
      readonly start: number;
      readonly size: number;
      readonly name?: string;
    }[];
  };
}

export type PartitionPlan =
  | { readonly kind: 'keep'; readonly node: string }
  | { readonly kind: 'grow'; readonly node: string; readonly number: number; readonly sizeSectors: number }
  | {
      readonly kind: 'add';
      readonly startSector: number;
      readonly sizeSectors: number;
      readonly sectorBytes: number;
    }
  | { readonly kind: 'none'; readonly reason: string };

/** Less room is not worth a state partition. */
const leastBytes = 16 * 1024 * 1024;
const alignmentBytes = 1024 * 1024;

/** What to do so that a partition labelled `label` reaches the end of the disk. */
export function planPartition(table: PartitionTable, diskBytes: number, label: string): PartitionPlan {
  const { sectorsize, partitions = [] } = table.partitiontable;
  if (table.partitiontable.label !== 'gpt') {
    return { kind: 'none', reason: 'the disk has no GPT' };
  }
  const alignment = alignmentBytes / sectorsize;
  // UEFI 2.10, 5.3.2: the backup table is 16 KiB of entries and one sector of header at the very end.
  const endSector = diskBytes / sectorsize - 1 - 16384 / sectorsize;
  const found = partitions.find((partition) => partition.name === label);
  const lastEnd = Math.max(0, ...partitions.map((partition) => partition.start + partition.size));
  if (found === undefined) {
    const startSector = Math.ceil(lastEnd / alignment) * alignment;
    const sizeSectors = alignDown(endSector - startSector, alignment);
    return sizeSectors * sectorsize >= leastBytes
      ? { kind: 'add', startSector, sizeSectors, sectorBytes: sectorsize }
      : { kind: 'none', reason: `no partition is labelled ${label}, and the disk has no room for one` };
  }
  const sizeSectors = alignDown(endSector - found.start, alignment);
  const isLast = found.start + found.size === lastEnd;
  return isLast && sizeSectors - found.size >= alignment
    ? { kind: 'grow', node: found.node, number: partitionNumber(found.node), sizeSectors }
    : { kind: 'keep', node: found.node };
}

/** `/dev/vda4` and `/dev/nvme0n1p4` are number 4 of their disks. */
export function partitionNumber(node: string): number {
  return Number(/(\d+)$/.exec(node)?.[1]);
}

function alignDown(sectors: number, alignment: number): number {
  return Math.max(0, Math.floor(sectors / alignment)) * alignment;
}
