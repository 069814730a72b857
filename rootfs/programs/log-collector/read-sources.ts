import { type Level, type LogLine, levels } from '../shared/log-line.ts';
import { guessLevel } from './guess-level.ts';

/** A line without its number. */
export type NewLine = Omit<LogLine, 'seq'>;

/** What a service printed. Some programs end their lines as if for a terminal. */
export function readOutput(text: string, service: string, stream: 'stdout' | 'stderr', at: number): NewLine {
  return { time: isoTime(at), service, stream, ...guessLevel(text.replace(/\r$/, '')) };
}

/**
 * What busybox's syslogd prints: `Nov 21 08:50:31 host daemon.info TAG[PID]: text`. finit says things under numbers that have no
 * name (LOG_CONSOLE in its src/log.h and others), which syslogd writes as `<117>`.
 */
export function readSyslog(text: string, at: number): NewLine {
  const [, priority = '', content = text] =
    /^[A-Z][a-z]{2} [ \d]\d [\d:]{8} \S+ (<\d+>|[a-z0-9*]+\.[a-z]+) (.*)$/s.exec(text) ?? [];
  const [, tag = 'syslog', message = content] = /^([^\s:[]{1,64})(?:\[\d+\])?: ?(.*)$/s.exec(content) ?? [];
  const level = readPriority(priority);
  return {
    time: isoTime(at),
    service: tag,
    stream: 'syslog',
    ...(level === undefined ? {} : { level }),
    message: message.replace(/\^M$/, ''),
  };
}

function readPriority(word: string): Level | undefined {
  const number = /^<(\d+)>$/.exec(word);
  if (number !== null) return levels[Number(number[1]) & 7];
  const name = word
    .replace(/^.*\./, '')
    .replace(/^warn$/, 'warning')
    .replace(/^error$/, 'err');
  return levels.find((level) => level === name);
}

/** A record of /dev/kmsg: `PRIORITY,NUMBER,MICROSECONDS,FLAGS;text`, then lines of properties. */
export interface KernelRecord {
  readonly number: number;
  readonly line: NewLine;
}

/** `bootedAt`: the epoch of the record's own time, milliseconds since the epoch. */
export function readKernel(record: string, bootedAt: number): KernelRecord | undefined {
  const [, priority, number, time, text] = /^(\d+),(\d+),(\d+),[^;]*;([^\n]*)/.exec(record) ?? [];
  if (priority === undefined || text === undefined) return undefined;
  return {
    number: Number(number),
    line: {
      time: isoTime(bootedAt + Number(time) / 1000),
      service: 'kernel',
      stream: 'kernel',
      level: levels[Number(priority) & 7] as Level,
      // The kernel writes bytes that are no text as \x1b.
      message: text,
    },
  };
}

function isoTime(at: number): string {
  return new Date(at).toISOString();
}
