import type { Sha256 } from '../store/store.ts';

/** One member of a layer, as `layer.json` holds it: a compact row, because images have thousands. */
export type LayerRow =
  | readonly ['folder', path: string, mode: number, uid: number, gid: number]
  | readonly [
      'file',
      path: string,
      mode: number,
      uid: number,
      gid: number,
      offset: number,
      size: number,
      sha256: Sha256,
    ]
  | readonly ['link', path: string, mode: number, uid: number, gid: number, target: string]
  /** Another name of a file that came before, here or in a lower layer. */
  | readonly ['name', path: string, target: string]
  /** Left out: what was there in lower layers is gone all the same. */
  | readonly ['omitted', path: string]
  /** A whiteout: the path is not there, as far as lower layers had it. */
  | readonly ['gone', path: string]
  /** An opaque whiteout: nothing of the folder in lower layers is there. */
  | readonly ['emptied', path: string];

/** What an image brings that a service does not get, or only when it asks for it. */
export interface LayerFacts {
  /** Files with the set-user-ID or set-group-ID bit. */
  readonly setIdFiles: number;
  readonly capabilityFiles: number;
  readonly devices: number;
  readonly pipes: number;
}

/** `layer.json` beside `layer.bin`, the contents of all files one after another. */
export interface LayerContents {
  readonly facts: LayerFacts;
  /** In the archive's order. */
  readonly rows: readonly LayerRow[];
}

export const layerFile = 'layer.json';
export const layerDataFile = 'layer.bin';
