import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';

/** As syslog(3) has them, 0 to 7. */
export const levels = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const;
export type Level = (typeof levels)[number];

/** A line of the log: JSON, one object a line. */
export interface LogLine {
  /** One more for each line, also over reboots; see `sequenceLeap`. */
  readonly seq: number;
  /** ISO 8601, UTC, milliseconds. */
  readonly time: string;
  /** `kernel` for the kernel; in the stream `syslog` what the writer calls itself. */
  readonly service: string;
  readonly stream: 'stdout' | 'stderr' | 'syslog' | 'kernel';
  /** Where it is known: told by the writer, or written at a usual place of the line. */
  readonly level?: Level;
  readonly message: string;
}

/**
 * By so much the numbers leap when the log starts again: the power may have taken lines that log-forward has read and sent, and
 * other lines must not have their numbers.
 */
export const sequenceLeap = 100_000;

export const newestLog = `${machineLayout.logs}/log.jsonl`;

/** `log.jsonl` is the newest, then `log.1.jsonl`, `log.2.jsonl`, and so on. */
export function rotatedLog(age: number): string {
  return age === 0 ? newestLog : `${machineLayout.logs}/log.${age}.jsonl`;
}

/** Of all files, oldest first. */
export function listLogFiles(device: Device): readonly string[] {
  return device
    .list(machineLayout.logs)
    .flatMap((file) => {
      const age = /^log(?:\.(\d+))?\.jsonl$/.exec(file);
      return age === null ? [] : [Number(age[1] ?? 0)];
    })
    .sort((a, b) => b - a)
    .map(rotatedLog);
}

/** `undefined` for what is no line of the log: the power went away while it was written. */
export function parseLogLine(text: string): LogLine | undefined {
  try {
    const line = JSON.parse(text) as LogLine;
    return typeof line.message === 'string' && typeof line.time === 'string' ? line : undefined;
  } catch {
    return undefined;
  }
}
