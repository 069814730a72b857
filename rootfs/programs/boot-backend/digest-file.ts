import type { Device } from '../device.ts';

/** SHA-256 in lower-case hexadecimal; `undefined` when it cannot be read. */
export function digestFile(device: Device, path: string): string | undefined {
  const { exitCode, stdout } = device.run(['sha256sum', path]);
  return exitCode === 0 ? stdout.split(' ')[0] : undefined;
}
