import type { Device } from '../device.ts';
import { isStateOnDisk, updatePaths } from '../shared/update/update-record.ts';

const reserveKiB = 2048;
/** With less than that free nothing is set aside: somebody needs it. */
const leastFreeKiB = 8 * reserveKiB;

/**
 * A machine whose state is full must still take the version that puts an end to it. A file holds the room that an update needs
 * for its records and RAUC's index; it goes when there is no other room, and comes back when there is.
 */
export function keepReserve(device: Device): void {
  if (!isStateOnDisk(device)) return;
  device.makeFolder(updatePaths.folder, 0o700);
  if (device.status(updatePaths.reserve) !== undefined) {
    if (!hasRoom(device)) device.remove(updatePaths.reserve);
    return;
  }
  if (freeKiB(device) < leastFreeKiB) return;
  const { exitCode } = device.run([
    ...['dd', 'if=/dev/zero', `of=${updatePaths.reserve}`, 'bs=1024', `count=${reserveKiB}`],
  ]);
  if (exitCode !== 0) device.remove(updatePaths.reserve);
}

/** As much as the largest of the agent's own files. */
function hasRoom(device: Device): boolean {
  const probe = `${updatePaths.folder}/room`;
  try {
    device.writeFile(probe, new Uint8Array(64 * 1024));
    return true;
  } catch {
    return false;
  } finally {
    device.remove(probe);
  }
}

/** busybox df -k -P: the fourth column of the last line. */
function freeKiB(device: Device): number {
  const { stdout } = device.run(['busybox', 'df', '-k', '-P', updatePaths.folder]);
  return Number(stdout.trim().split('\n').at(-1)?.split(/\s+/)[3] ?? 'NaN') || 0;
}
