import { parseBootName } from '../../../build/contract/boot-entries.ts';
import { otherSlot } from '../../../build/contract/boot-plan.ts';
import { listPartitions } from '../../../build/contract/partition-table.ts';
import { type SlotTrailer, slotTailBytes } from '../../../build/contract/slot-layout.ts';
import { compatibleOf } from '../../../build/contract/update-bundle.ts';
import { withBootPartition } from '../boot-backend/boot-partition.ts';
import { readTrailer } from '../boot-backend/read-folder.ts';
import type { Device } from '../device.ts';
import { type BootFile, readBootFile } from '../shared/boot-file.ts';
import { readDiskTable } from '../shared/partition-table/disk-table.ts';
import { readEngineFile } from '../shared/read-engine-file.ts';
import type { OfferedBundle } from '../shared/tuf/judge-bundle.ts';
import { type Refusal, refusal } from '../shared/tuf/refusal.ts';
import { followTable } from './follow-table.ts';
import { moveSlot } from './move-slot.ts';
import { planRelocation } from './plan-relocation.ts';

/** Folders, and what else may be written to the EFI system partition meanwhile. */
const slackBytes = 64 * 1024;

/**
 * Sees to it that an image fits the slot that does not run: moves the slot to a larger place where it must. A refusal when
 * the machine has no room for it at all; then nothing has changed. Throws when a move was begun and could not be ended.
 */
export function makeRoom(
  device: Device,
  imagePath: string,
  { compatible, version }: Pick<OfferedBundle, 'compatible' | 'version'>,
): Refusal | undefined {
  const boot = readBootFile(device);
  const imageBytes = device.status(imagePath)?.sizeBytes;
  if (boot === undefined || imageBytes === undefined) throw new Error(`${imagePath} is missing`);
  const slot = otherSlot(boot.slot);
  const disk = readDiskTable(device, boot.disk);
  if (disk === undefined) throw new Error(`${boot.diskDevice} has no partition table that is whole`);
  const partition = listPartitions(disk.table).find(({ label }) => label === `root-${slot}`);
  if (partition === undefined) throw new Error(`${boot.diskDevice} has no partition root-${slot}`);
  const { headRoom } = readEngineFile(device).disk;
  const plan = planRelocation(disk.table, disk.geometry, partition.number, imageBytes, headRoom);
  if (plan.kind === 'too-large') {
    return refusal(
      'BUNDLE_TOO_LARGE',
      `its image needs ${imageBytes + slotTailBytes} bytes, and the largest place on ${boot.diskDevice} for slot ${slot} has ${plan.largestBytes}`,
    );
  }
  let trailer: SlotTrailer;
  try {
    trailer = readTrailer(device, imagePath);
  } catch (error) {
    // dm-verity gives nothing of a block that is not what was signed.
    return refusal('BUNDLE_DAMAGED', `the end of its image cannot be read: ${(error as Error).message}`);
  }
  const { recipe, architecture, uki } = trailer;
  const found = compatibleOf(recipe, architecture);
  if (found !== compatible) {
    // RAUC compares what the bundle says of itself, but later.
    return refusal('BUNDLE_INCOMPATIBLE', `its image is for ${found}, and this machine is ${compatible}`);
  }
  const refused = judgeKernelSize(device, boot, uki.sizeBytes);
  if (refused !== undefined) return refused;
  if (plan.kind === 'move') moveSlot(device, boot, disk, partition, plan.place, version);
  else followTable(device, disk, partition);
  return undefined;
}

/** Beside what must stay on the EFI system partition the new kernel must find room; what the other slot has there may go. */
function judgeKernelSize(device: Device, boot: BootFile, ukiBytes: number): Refusal | undefined {
  const neededBytes = ukiBytes + slackBytes;
  const slot = otherSlot(boot.slot);
  const freeBytes = withBootPartition(device, boot.disk, (folderPath) => {
    const leaving = device
      .list(folderPath)
      .filter((name) => parseBootName(name)?.slot === slot)
      .map((name) => device.status(`${folderPath}/${name}`)?.sizeBytes ?? 0);
    return leaving.reduce((sum, sizeBytes) => sum + sizeBytes, readFreeBytes(device, folderPath));
  });
  if (freeBytes >= neededBytes) return undefined;
  return refusal(
    'BUNDLE_TOO_LARGE',
    `its kernel needs ${neededBytes} bytes on the EFI system partition, which has ${freeBytes} beside what must stay`,
  );
}

function readFreeBytes(device: Device, folderPath: string): number {
  const { stdout } = device.run(['/usr/bin/busybox', 'stat', '-f', '-c', '%a %S', folderPath]);
  const [blocks, blockBytes] = stdout.trim().split(' ').map(Number);
  const bytes = (blocks ?? Number.NaN) * (blockBytes ?? Number.NaN);
  if (Number.isNaN(bytes)) throw new Error('the free space of the EFI system partition cannot be told');
  return bytes;
}
