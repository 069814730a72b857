import type { BootRepair } from '../../rootfs/programs/shared/boot-repair.ts';
import type { TestMachine } from './test-machine.ts';
import { waitFor } from './wait-for.ts';

/** What the machine's look at its boot files came to in this boot, once there was one. */
export function waitForRepair({ guest }: TestMachine): Promise<BootRepair> {
  return waitFor(async () => JSON.parse(await guest.run('cat /run/keelson/boot-repair.json')) as BootRepair, {
    what: 'the look at the boot files',
    deadlineMs: 120_000,
  });
}

/** What a boot loader says of itself. */
export function loaderVersion(bootLoader: Buffer): string {
  return /LoaderInfo: systemd-boot (\S+)/.exec(bootLoader.toString('latin1'))?.[1] ?? '';
}

/** The same program, saying that it is of another version: `major` takes the place of the three digits at the start. */
export function withMajorVersion(bootLoader: Buffer, major: string): Buffer {
  const changed = Buffer.from(bootLoader);
  for (const encoding of ['latin1', 'utf16le'] as const) {
    const name = Buffer.from('systemd-boot ', encoding);
    for (let at = changed.indexOf(name); at >= 0; at = changed.indexOf(name, at + 1)) {
      const digits = changed.toString(encoding, at + name.length, at + name.length + (3 * name.length) / 13);
      if (/^[0-9]{3}$/.test(digits)) changed.write(major, at + name.length, encoding);
    }
  }
  return changed;
}
