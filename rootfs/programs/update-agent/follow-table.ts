import type { TablePartition } from '../../../build/contract/partition-table.ts';
import type { Device } from '../device.ts';
import { type DiskTable, partitionNode } from '../shared/partition-table/disk-table.ts';
import { tellKernel } from '../shared/partition-table/write-table.ts';

const mostAttempts = 10;

/**
 * Has the kernel know a partition where the table says that it is. Throws when it does not: what is written to the partition
 * would go to its old place.
 */
export function followTable(
  device: Device,
  { disk, geometry }: Pick<DiskTable, 'disk' | 'geometry'>,
  { number, startSector, sizeSectors }: Omit<TablePartition, 'label'>,
): void {
  const name = partitionNode(disk, number).slice('/dev/'.length);
  // The kernel counts 512-byte sectors whatever the disk's own are.
  const scale = geometry.sectorBytes / 512;
  const read = (what: string) => Number(device.readFile(`/sys/class/block/${name}/${what}`) ?? 'NaN');
  const isKnown = () => read('start') === startSector * scale && read('size') === sizeSectors * scale;
  let reason = 'it has another place for it';
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    if (isKnown()) return;
    try {
      tellKernel(device, disk, number);
    } catch (error) {
      // Somebody has the partition open for a moment.
      reason = error instanceof Error ? error.message : String(error);
      device.sleep(500);
    }
  }
  if (isKnown()) return;
  throw new Error(
    `the kernel does not know where ${name} is now (${reason}); restart the machine and try again`,
  );
}
