import { readPeSections, type UkiReader } from './uki-file.ts';

const largestBytes = 4096;

/**
 * Version of a systemd-boot, such as `257.13-1~deb13u1`: section `.sdmagic` has the line that bootctl(1) looks for, too.
 * `undefined` when it is none, or damaged.
 */
export function readLoaderVersion(read: UkiReader): string | undefined {
  const section = readPeSections(read)?.find(({ name }) => name === '.sdmagic');
  if (section === undefined || section.sizeBytes > largestBytes) return undefined;
  const text = String.fromCharCode(...read(section.offsetBytes, section.sizeBytes));
  return /#### LoaderInfo: systemd-boot ([0-9][A-Za-z0-9.~+-]*) ####/.exec(text)?.[1];
}

/** By the numbers it begins with: what distributions append does not make a boot loader older. */
export function isOlderLoader(version: string, than: string): boolean {
  const numbers = (text: string) => (/^[0-9]+(\.[0-9]+)*/.exec(text)?.[0] ?? '').split('.').map(Number);
  const one = numbers(version);
  const other = numbers(than);
  for (let index = 0; index < Math.max(one.length, other.length); index++) {
    const difference = (one[index] ?? 0) - (other[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
