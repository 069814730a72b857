import type { Sha256 } from '../store/store.ts';

export interface PartitionExtent {
  readonly label: string;
  readonly typeGuid: string;
  readonly guid: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** A raw, sparse GPT disk in the store. */
export interface DiskImage {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: Sha256;
  readonly diskGuid: string;
  readonly partitions: readonly PartitionExtent[];
}

/** erofs ‖ hash tree ‖ UKI ‖ trailer: what one slot holds and, later, what an update bundle carries. */
export interface SlotImage {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: Sha256;
}
