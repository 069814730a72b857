import { readPeSections, readUkiRelease } from '../contract/uki-file.ts';

/** What a unified kernel image says of the root that it will mount and of itself. */
export interface UkiFacts {
  readonly rootHash: string | undefined;
  readonly version: string | undefined;
}

/** Room for the last archive of the initramfs, which holds nothing but `/root.env`, and for its padding. */
const tailBytes = 16 * 1024;

/** ROOT_HASH is at the end of the initramfs (build/boot/root-parameters.ts: the last archive there, uncompressed). */
export function readUkiFacts(uki: Buffer): UkiFacts {
  const read = (offsetBytes: number, sizeBytes: number) => uki.subarray(offsetBytes, offsetBytes + sizeBytes);
  const initramfs = readPeSections(read)?.find(({ name }) => name === '.initrd');
  const end = initramfs === undefined ? 0 : initramfs.offsetBytes + initramfs.sizeBytes;
  const tail = uki.toString('latin1', Math.max(initramfs?.offsetBytes ?? 0, end - tailBytes), end);
  return {
    rootHash: /(?:\0|\n)ROOT_HASH=([0-9a-f]{64})\n/.exec(tail)?.[1],
    version: readUkiRelease(read)?.version,
  };
}
