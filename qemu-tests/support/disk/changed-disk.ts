import { type DiskBytes, sectorBytes } from './disk-bytes.ts';

interface Piece {
  readonly sector: number;
  readonly bytes: Buffer;
  /** Another one for each content. */
  readonly id: number;
}

let lastId = 0;

/** Changes are looked up by stretches of the disk: most have none. */
const stretchSectors = 2048;

/** A disk with some of its sectors changed; the disk below is only read. */
export class ChangedDisk implements DiskBytes {
  readonly sizeBytes: number;
  readonly #below: DiskBytes;
  readonly #stretches = new Map<number, Map<number, Piece>>();

  constructor(below: DiskBytes) {
    this.#below = below;
    this.sizeBytes = below.sizeBytes;
  }

  /** What is written must not change any more. */
  write(offsetBytes: number, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += sectorBytes) {
      const sector = (offsetBytes + at) / sectorBytes;
      const index = Math.floor(sector / stretchSectors);
      const stretch = this.#stretches.get(index) ?? new Map<number, Piece>();
      this.#stretches.set(index, stretch);
      stretch.set(sector, { sector, bytes: bytes.subarray(at, at + sectorBytes), id: ++lastId });
    }
  }

  /** All that differs from the file at the bottom, in the order in which it has to be written to a copy of it. */
  *allChanges(): Generator<{ readonly offsetBytes: number; readonly bytes: Buffer }> {
    if (this.#below instanceof ChangedDisk) yield* this.#below.allChanges();
    for (const stretch of this.#stretches.values()) {
      for (const { sector, bytes } of stretch.values()) yield { offsetBytes: sector * sectorBytes, bytes };
    }
  }

  read(offsetBytes: number, sizeBytes: number): Buffer {
    const read = this.#below.read(offsetBytes, sizeBytes);
    for (const { sector, bytes } of this.#within(offsetBytes, sizeBytes)) {
      const at = sector * sectorBytes - offsetBytes;
      const from = Math.max(0, -at);
      bytes.copy(read, at + from, from, Math.min(bytes.length, sizeBytes - at));
    }
    return read;
  }

  /** Sums of two mixtures of 32 bits: the order in which sectors are met does not matter. */
  stampOf(offsetBytes: number, sizeBytes: number): string {
    let [one, other, count] = [0, 0, 0];
    for (const { sector, id } of this.#within(offsetBytes, sizeBytes)) {
      one = (one + mix(Math.imul(sector, 0x9e3779b1) ^ id)) >>> 0;
      other = (other + mix(Math.imul(id, 0x85ebca77) ^ sector)) >>> 0;
      count++;
    }
    return `${this.#below.stampOf(offsetBytes, sizeBytes)}/${count}:${one}:${other}`;
  }

  *#within(offsetBytes: number, sizeBytes: number): Generator<Piece> {
    if (sizeBytes === 0 || this.#stretches.size === 0) return;
    const first = Math.floor(offsetBytes / sectorBytes);
    const end = Math.ceil((offsetBytes + sizeBytes) / sectorBytes);
    for (let index = Math.floor(first / stretchSectors); index * stretchSectors < end; index++) {
      const stretch = this.#stretches.get(index);
      if (stretch === undefined) continue;
      if (stretch.size > end - first) {
        for (let sector = first; sector < end; sector++) {
          const piece = stretch.get(sector);
          if (piece !== undefined) yield piece;
        }
        continue;
      }
      for (const piece of stretch.values()) if (piece.sector >= first && piece.sector < end) yield piece;
    }
  }
}

/** The finaliser of MurmurHash3 (Austin Appleby, public domain). */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
