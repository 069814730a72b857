import { otherSlot } from '../../../build/contract/boot-plan.ts';
import { movePartition, type TablePartition } from '../../../build/contract/partition-table.ts';
import { slotBlockBytes, slotTailBytes } from '../../../build/contract/slot-layout.ts';
import { must } from '../boot-backend/boot-partition.ts';
import type { Device } from '../device.ts';
import type { BootFile } from '../shared/boot-file.ts';
import { type DiskTable, partitionNode } from '../shared/partition-table/disk-table.ts';
import type { Extent } from '../shared/partition-table/free-extents.ts';
import { writeTable } from '../shared/partition-table/write-table.ts';
import { addToHistory, readState, updatePaths } from '../shared/update/update-record.ts';
import { followTable } from './follow-table.ts';

/**
 * Moves the slot that does not run; its content is lost. The power may go at any moment: first nothing boots from the slot any
 * more, then the table is changed, one copy after the other (../shared/partition-table/write-table.ts).
 */
export function moveSlot(
  device: Device,
  boot: BootFile,
  found: DiskTable,
  from: TablePartition,
  to: Extent,
  version: string,
): void {
  const slot = otherSlot(boot.slot);
  const { disk, geometry } = found;
  const say = (line: string) => device.writeFile('/dev/kmsg', `keelson: ${line}\n`);
  must(
    device.run(['/usr/lib/update/boot-backend', 'set-state', slot, 'bad']),
    `take slot ${slot} from the boot loader`,
  );
  say(`slot ${slot} moves: version ${version} is larger than it`);
  const end = to.startSector + to.sizeSectors;
  clear(device, found, end - slotTailBytes / geometry.sectorBytes);
  // Where nothing was moved away, the old content is still a source of blocks.
  if (to.startSector !== from.startSector) clear(device, found, to.startSector);
  const moved = movePartition(found.table, from.number, to.startSector, to.sizeSectors);
  writeTable(device, found, moved, from.number, say);
  followTable(device, found, { number: from.number, ...to });
  device.makeLink(partitionNode(disk, from.number), `${updatePaths.runtime}/root-${slot}`);
  const state = readState(device);
  const describe = ({ startSector, sizeSectors }: Extent) =>
    `${sizeSectors * geometry.sectorBytes} bytes at ${startSector * geometry.sectorBytes}`;
  addToHistory(device, {
    at: Math.floor(device.now() / 1000),
    event: 'relocated',
    fromVersion: boot.version,
    version,
    slot,
    source: state.phase === 'downloading' ? state.source : { kind: 'file', location: '' },
    reasons: [`slot ${slot} has ${describe(to)}, and had ${describe(from)}`],
  });
  say(`slot ${slot} was moved`);
}

/** One block: neither an old image nor an old ledger of boots is to be found in the new place. */
function clear(device: Device, { disk, geometry }: DiskTable, sector: number): void {
  must(
    device.run([
      '/usr/bin/busybox',
      'dd',
      'if=/dev/zero',
      `of=/dev/${disk}`,
      `bs=${geometry.sectorBytes}`,
      `seek=${sector}`,
      `count=${slotBlockBytes / geometry.sectorBytes}`,
      'conv=notrunc,fsync',
    ]),
    'clear the new place of the slot',
  );
}
