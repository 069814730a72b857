import type { Device } from '../device.ts';
import { type Medium, updatePaths } from '../shared/update/update-record.ts';
import type { InstallOutcome } from './install.ts';

const folder = `${updatePaths.runtime}/medium`;

/**
 * A disk that a person mounted for the own session only, such as one on USB, is mounted here too, for as long as `use` takes.
 * Nothing on it is ever written or run.
 */
export function withMedium(
  device: Device,
  { device: disk, fileSystem, isReadOnly, path }: Medium,
  use: (location: string) => InstallOutcome,
): InstallOutcome {
  device.makeFolder(folder, 0o700);
  // One left behind by an agent that was ended.
  device.run(['umount', folder]);
  // The kernel refuses a second mount that does not agree with the first one about writing.
  const options = `${isReadOnly ? 'ro' : 'rw'},nodev,nosuid,noexec`;
  const mounted = device.run(['mount', '-t', fileSystem, '-o', options, disk, folder]);
  if (mounted.exitCode !== 0) {
    const message = `${disk} cannot be mounted: ${mounted.stderr.trim()}`;
    return { kind: 'failed', code: 'MEDIUM_UNREADABLE', message };
  }
  try {
    return use(`${folder}${path}`);
  } finally {
    device.run(['umount', folder]);
  }
}
