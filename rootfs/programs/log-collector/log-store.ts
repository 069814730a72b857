import type { Device } from '../device.ts';
import { decodeText } from '../shared/decode-text.ts';
import { type LogLine, newestLog, parseLogLine, rotatedLog, sequenceLeap } from '../shared/log-line.ts';
import type { NewLine } from './read-sources.ts';

/** More than the longest line. */
const tailBytes = 131_072;

export interface LogLimits {
  readonly fileBytes: number;
  /** Rotated files that are kept beside the newest. */
  readonly files: number;
}

/**
 * The files of the log. Whoever looks at them after a power cut finds whole lines but for the last: each is appended by one
 * write, and what was torn is ended when the log starts again.
 */
export class LogStore {
  readonly #device: Device;
  readonly #limits: LogLimits;
  #sequence: number;
  #sizeBytes: number;
  /** Something was written that may not have reached the disk. */
  #isDirty = false;
  #lost = 0;
  #isTorn: boolean;

  constructor(device: Device, limits: LogLimits) {
    this.#device = device;
    this.#limits = limits;
    this.#sizeBytes = device.status(newestLog)?.sizeBytes ?? 0;
    this.#sequence = readLastSequence(device);
    const end = device.readBytes(newestLog, Math.max(this.#sizeBytes - 1, 0), 1);
    this.#isTorn = end !== undefined && end.length > 0 && end[0] !== 0x0a;
  }

  get isDirty(): boolean {
    return this.#isDirty;
  }

  /** Never throws: while state is full, lines are lost, and how many is told when there is room again. */
  append(lines: readonly NewLine[]): void {
    if (lines.length === 0) return;
    const all = this.#lost === 0 ? lines : [this.#tellLost(), ...lines];
    const text = all.map((line) => `${JSON.stringify(this.#number(line))}\n`).join('');
    try {
      this.#device.appendFile(newestLog, this.#isTorn ? `\n${text}` : text, 0o640);
      this.#isTorn = false;
      this.#lost = 0;
      this.#isDirty = true;
    } catch {
      this.#isTorn = true;
      this.#lost += lines.length;
    }
    this.#sizeBytes += text.length;
    if (this.#sizeBytes >= this.#limits.fileBytes) this.#rotate();
  }

  /** To the disk; QuickJS has no fsync. */
  flush(): void {
    if (!this.#isDirty) return;
    this.#device.run(['/usr/bin/busybox', 'sync', '-d', newestLog]);
    this.#isDirty = false;
  }

  #number(line: NewLine): LogLine {
    this.#sequence += 1;
    return { seq: this.#sequence, ...line };
  }

  #tellLost(): NewLine {
    return {
      time: new Date(this.#device.now()).toISOString(),
      service: 'log',
      stream: 'stderr',
      level: 'warning',
      message: `${this.#lost} lines were lost: they could not be written`,
    };
  }

  #rotate(): void {
    this.flush();
    try {
      for (let age = this.#limits.files; age > 0; age--) {
        if (this.#device.status(rotatedLog(age - 1)) !== undefined) {
          this.#device.rename(rotatedLog(age - 1), rotatedLog(age));
        }
      }
      if (this.#limits.files === 0) this.#device.remove(newestLog);
      this.#isTorn = false;
    } catch {
      // The file grows until the next try.
    }
    this.#sizeBytes = this.#device.status(newestLog)?.sizeBytes ?? 0;
  }
}

/** Numbers go on after this one: 0 for a new log. */
function readLastSequence(device: Device): number {
  for (const path of [newestLog, rotatedLog(1)]) {
    const size = device.status(path)?.sizeBytes ?? 0;
    const tail = device.readBytes(path, Math.max(size - tailBytes, 0), tailBytes);
    if (tail === undefined) continue;
    const last = decodeText(tail)
      .split('\n')
      .map(parseLogLine)
      .findLast((line) => line !== undefined);
    if (last !== undefined) return last.seq + sequenceLeap;
  }
  return 0;
}
