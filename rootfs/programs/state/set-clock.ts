import type { Device } from '../device.ts';
import { readEngineFile } from '../shared/read-engine-file.ts';

/**
 * A clock that was lost is set to the time of the build. Certificates, file systems and update metadata are judged by it: it is
 * never earlier than what is installed.
 */
export function setClock(device: Device): void {
  const { builtAt } = readEngineFile(device);
  if (device.now() < builtAt * 1000) {
    device.run(['date', '-u', '-s', `@${builtAt}`]);
  }
}
