import type { DiskMap } from '../support/disk/disk-map.ts';
import { type LogEntry, WriteLog } from '../support/disk/write-log.ts';

/** How many writes went to each place so far, and what the last ones were. */
export class WriteWatch implements Disposable {
  readonly entries: LogEntry[] = [];
  readonly #log: WriteLog;
  readonly #map: DiskMap;
  readonly #counts = new Map<string, number>();

  constructor(logPath: string, map: DiskMap) {
    this.#log = new WriteLog(logPath);
    this.#map = map;
  }

  look(): void {
    for (const entry of this.#log.readNew()) {
      this.entries.push(entry);
      if (entry.kind !== 'write') continue;
      const { name } = this.#map.placeOf(entry.offsetBytes);
      this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    }
  }

  count(place: string): number {
    return this.#counts.get(place) ?? 0;
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** The last things that came to the disk, for people. */
  tail(): string {
    const words = this.entries.slice(-4).map((entry) => {
      if (entry.kind === 'flush') return 'flush';
      return `${entry.kind} ${this.#map.placeOf(entry.offsetBytes).name}@${entry.offsetBytes}+${entry.sizeBytes}`;
    });
    return words.join(', ') || 'nothing written yet';
  }

  [Symbol.dispose](): void {
    this.#log[Symbol.dispose]();
  }
}
