/** What the first bytes of a partition or disk say about its content. */
export type FileSystem =
  | {
      readonly kind: 'ext4';
      readonly label: string;
      readonly sizeBytes: number;
      readonly wasMounted: boolean;
    }
  | { readonly kind: 'vfat' | 'iso9660'; readonly label: string }
  /** Nothing but zeros where a file system would begin. */
  | { readonly kind: 'blank' }
  | { readonly kind: 'unknown' };

/** Enough for every signature below; ISO 9660 keeps its own after the first 16 sectors of 2 KiB. */
export const signatureBytes = 34 * 1024;

export function identifyFileSystem(bytes: Uint8Array): FileSystem {
  return (
    identifyExt4(bytes) ??
    identifyFat(bytes) ??
    identifyIso9660(bytes) ??
    (bytes.every((byte) => byte === 0) ? { kind: 'blank' } : { kind: 'unknown' })
  );
}

/** https://docs.kernel.org/filesystems/ext4/super.html; numbers are little-endian. */
function identifyExt4(bytes: Uint8Array): FileSystem | undefined {
  const superblock = 1024;
  if (bytes.length < 2048 || number(bytes, superblock + 0x38, 2) !== 0xef53) {
    return undefined;
  }
  const blocks = number(bytes, superblock + 0x04, 4) + number(bytes, superblock + 0x150, 4) * 2 ** 32;
  return {
    kind: 'ext4',
    label: text(bytes, superblock + 0x78, 16),
    sizeBytes: blocks * 2 ** (10 + number(bytes, superblock + 0x18, 4)),
    wasMounted: number(bytes, superblock + 0x2c, 4) !== 0,
  };
}

/** Microsoft FAT specification, section 3: the label is at 43 for FAT12 and FAT16, at 71 for FAT32. */
function identifyFat(bytes: Uint8Array): FileSystem | undefined {
  if (bytes.length < 512 || bytes[510] !== 0x55 || bytes[511] !== 0xaa) {
    return undefined;
  }
  if (text(bytes, 82, 8).startsWith('FAT32')) {
    return { kind: 'vfat', label: text(bytes, 71, 11) };
  }
  return text(bytes, 54, 8).startsWith('FAT') ? { kind: 'vfat', label: text(bytes, 43, 11) } : undefined;
}

/** ECMA-119, 8.4: the primary volume descriptor. */
function identifyIso9660(bytes: Uint8Array): FileSystem | undefined {
  const descriptor = 32768;
  return bytes.length >= descriptor + 72 &&
    bytes[descriptor] === 1 &&
    text(bytes, descriptor + 1, 5) === 'CD001'
    ? { kind: 'iso9660', label: text(bytes, descriptor + 40, 32) }
    : undefined;
}

function number(bytes: Uint8Array, offset: number, length: number): number {
  let value = 0;
  for (let index = length - 1; index >= 0; index--) {
    value = value * 256 + (bytes[offset + index] ?? 0);
  }
  return value;
}

/** Up to the first zero, without blanks at the end. */
function text(bytes: Uint8Array, offset: number, length: number): string {
  const characters: string[] = [];
  for (const byte of bytes.subarray(offset, offset + length)) {
    if (byte === 0) {
      break;
    }
    characters.push(String.fromCharCode(byte));
  }
  return characters.join('').trimEnd();
}
