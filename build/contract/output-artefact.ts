export interface OutputArtefact {
  /** `root` (erofs and hash tree), `uki`, `slot`, `disk`, `sbom`. */
  readonly part: string;
  /** `erofs-verity`, `efi`, `raw`, `qcow2`, … */
  readonly format: string;
  /** Absolute. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}
