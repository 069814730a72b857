import {
  type DiskGeometry,
  decodeTable,
  isSameTable,
  primarySector,
  type SectorReader,
  type TableCopy,
} from '../../../../build/contract/partition-table.ts';
import type { Device } from '../../device.ts';

/** The partition table of a disk as it was found. */
export interface DiskTable {
  /** Name as in /sys/class/block, such as `vda`. */
  readonly disk: string;
  readonly geometry: DiskGeometry;
  readonly table: TableCopy;
  /** Which copy `table` is: the primary one, unless that is torn. The kernel chooses likewise (block/partitions/efi.c, with `gpt`). */
  readonly source: 'primary' | 'backup';
  /** Both copies are whole and say the same. */
  readonly isWhole: boolean;
}

/** `undefined` when no copy is whole, or there is none. */
export function readDiskTable(device: Device, disk: string): DiskTable | undefined {
  const geometry = readGeometry(device, disk);
  const read: SectorReader = (sector, count) =>
    device.readBytes(`/dev/${disk}`, sector * geometry.sectorBytes, count * geometry.sectorBytes) ??
    new Uint8Array(0);
  const primary = decodeTable(read, primarySector, geometry);
  if (primary !== undefined) {
    const backup = decodeTable(read, primary.alternateSector, geometry);
    const isWhole = backup !== undefined && isSameTable(primary, backup);
    return { disk, geometry, table: primary, source: 'primary', isWhole };
  }
  const backup = decodeTable(read, geometry.sectors - 1, geometry);
  return backup && { disk, geometry, table: backup, source: 'backup', isWhole: false };
}

function readGeometry(device: Device, disk: string): DiskGeometry {
  const folder = `/sys/class/block/${disk}`;
  const sectorBytes = Number(device.readFile(`${folder}/queue/logical_block_size`) ?? '512') || 512;
  // The kernel counts 512-byte sectors whatever the disk's own are.
  const bytes = Number(device.readFile(`${folder}/size`) ?? '0') * 512;
  return { sectorBytes, sectors: Math.floor(bytes / sectorBytes) };
}

/** The device of a partition: `/dev/vda4`, `/dev/nvme0n1p4`. */
export function partitionNode(disk: string, number: number): string {
  return `/dev/${disk}${/\d$/.test(disk) ? 'p' : ''}${number}`;
}
