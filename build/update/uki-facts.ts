/** What a unified kernel image says of the root that it will mount and of itself. */
export interface UkiFacts {
  readonly rootHash: string | undefined;
  readonly version: string | undefined;
}

/** Room for the last archive of the initramfs, which holds nothing but `/root.env`, and for its padding. */
const tailBytes = 16 * 1024;

/**
 * Reads `ROOT_HASH` from the end of the initramfs (build/boot/root-parameters.ts: the last archive there, uncompressed) and
 * IMAGE_VERSION, by which the boot loader sorts. Headers: https://learn.microsoft.com/windows/win32/debug/pe-format
 */
export function readUkiFacts(uki: Buffer): UkiFacts {
  const initramfs = section(uki, '.initrd');
  const tail = initramfs?.subarray(Math.max(0, initramfs.length - tailBytes)).toString('latin1') ?? '';
  const release = section(uki, '.osrel')?.toString('latin1') ?? '';
  return {
    rootHash: /(?:\0|\n)ROOT_HASH=([0-9a-f]{64})\n/.exec(tail)?.[1],
    version: /^IMAGE_VERSION="?([0-9.]+)"?$/m.exec(release)?.[1],
  };
}

function section(image: Buffer, name: string): Buffer | undefined {
  if (image.length < 64) return undefined;
  const header = image.readUInt32LE(60);
  if (header + 24 > image.length) return undefined;
  const count = image.readUInt16LE(header + 6);
  const table = header + 24 + image.readUInt16LE(header + 20);
  for (let index = 0; index < count && table + (index + 1) * 40 <= image.length; index++) {
    const entry = image.subarray(table + index * 40, table + (index + 1) * 40);
    if (entry.toString('latin1', 0, 8).replace(/\0+$/, '') !== name) continue;
    // The size in memory is that of the content; in the file it is padded.
    const size = Math.min(entry.readUInt32LE(8), entry.readUInt32LE(16));
    const offset = entry.readUInt32LE(20);
    return image.subarray(offset, offset + size);
  }
  return undefined;
}
