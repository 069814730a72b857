import { createHash } from 'node:crypto';
import type { Compression } from '../recipe/recipe.ts';
import type { Sha256 } from '../store/store.ts';

/** All that decides the bytes of a sealed root, as values: nothing is read from a clock or a source of randomness. */
export interface SealPlan {
  readonly treeDigest: Sha256;
  /** Seconds since the epoch, for every file. */
  readonly modifiedAt: number;
  /** Data and hash blocks. */
  readonly blockBytes: 4096;
  /** For dm-verity, hexadecimal; one for all versions of a recipe, so that hashes of unchanged blocks do not change. */
  readonly salt: string;
  /** Before the path of the file to make; the tar is read from standard input. */
  readonly erofsArguments: readonly string[];
  readonly verityArguments: readonly string[];
}

/** Chosen by measurement: README.md of this folder. */
const compressors = {
  zstd: ['-zzstd,level=6', '-C65536'],
  lzma: ['-zlzma,level=6', '-C65536'],
} as const satisfies Record<Compression, readonly string[]>;

/** 1980, the oldest time that every file system and archive can hold. */
const modifiedAt = 315_532_800;

export function planSeal(recipeName: string, treeDigest: Sha256, compression: Compression): SealPlan {
  const blockBytes = 4096;
  const salt = createHash('sha256').update(`verity salt ${recipeName}`).digest('hex');
  return {
    treeDigest,
    modifiedAt,
    blockBytes,
    salt,
    erofsArguments: [
      '--tar=f',
      '--quiet',
      '-d0',
      ...compressors[compression],
      `-b${blockBytes}`,
      `-T${modifiedAt}`,
      `-U${derivedUuid(`erofs ${treeDigest}`)}`,
      '-Lroot',
    ],
    verityArguments: [
      '--format=1',
      '--hash=sha256',
      `--data-block-size=${blockBytes}`,
      `--hash-block-size=${blockBytes}`,
      `--salt=${salt}`,
      `--uuid=${derivedUuid(`verity ${treeDigest}`)}`,
    ],
  };
}

/** A version 8 UUID (RFC 9562, 5.8): its bits are what we make of them. */
function derivedUuid(seed: string): string {
  const bytes = createHash('sha256').update(seed).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
