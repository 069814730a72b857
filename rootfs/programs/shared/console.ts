import type { Device } from '../device.ts';

/** Where nobody looks for commands of people, and nothing secret is printed. */
export function tellConsole(device: Device, line: string): void {
  device.printError(line);
  try {
    device.writeFile('/dev/console', `keelson: ${line}\n`);
  } catch {
    // A machine without a console has nobody to tell.
  }
}
