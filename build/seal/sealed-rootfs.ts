import type { Sha256 } from '../store/store.ts';

/** An erofs image with its dm-verity hash tree appended. */
export interface SealedRootfs {
  /** Absolute path in the store: erofs, then the verity superblock and tree, from `hashOffsetBytes`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: Sha256;
  readonly hashOffsetBytes: number;
  /** Data and hash blocks are 4096 bytes. */
  readonly dataBlocks: number;
  readonly rootHash: Sha256;
  readonly salt: string;
}
