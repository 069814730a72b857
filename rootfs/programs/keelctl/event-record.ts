import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';

export type EventName =
  /** Its container is being made. */
  | 'start'
  /** What waits for it may start. */
  | 'ready'
  | 'exit'
  /** finit gives it up. */
  | 'failed'
  | 'healthy'
  | 'unhealthy';

/**
 * A line of the record of events: JSON, one object a line. Starts and ends are written by shell scripts of the layer `base`
 * (`note-event`), health by `keelctl watch-health`.
 */
export interface ServiceEvent {
  /** Seconds since the epoch. */
  readonly at: number;
  /** Seconds since the kernel started. */
  readonly uptime: number;
  /** The kernel's id of this boot. */
  readonly boot: string;
  readonly service: string;
  readonly event: EventName;
  /** Of `exit`, where it is known: as a shell has it, 128 and the signal's number when a signal ended it. */
  readonly code?: number;
  /** Of `exit`: a person, or a shutdown, wanted it. */
  readonly isTold?: boolean;
  /** Of `unhealthy`: what the check said. */
  readonly message?: string;
}

/** On state, so that the last exits are known after a reboot. note-event keeps each of the two below 256 KiB. */
export const eventFiles = {
  newest: `${machineLayout.state}/events/events.jsonl`,
  previous: `${machineLayout.state}/events/events.1.jsonl`,
} as const;

/** Oldest first. */
export function readEvents(device: Device): readonly ServiceEvent[] {
  return [eventFiles.previous, eventFiles.newest]
    .flatMap((path) => (device.readFile(path) ?? '').split('\n'))
    .flatMap(parseEvent);
}

/** Nothing for what is no event: the power went away while it was written. */
export function parseEvent(text: string): readonly ServiceEvent[] {
  try {
    const event = JSON.parse(text) as ServiceEvent;
    return typeof event.event === 'string' && typeof event.at === 'number' ? [event] : [];
  } catch {
    return [];
  }
}

/** A record that cannot be written, because state is full, must keep nobody from their work. */
export function appendEvent(device: Device, event: Omit<ServiceEvent, 'at' | 'uptime' | 'boot'>): void {
  const whole: ServiceEvent = {
    at: device.now() / 1000,
    uptime: readUptime(device),
    boot: readBootId(device),
    ...event,
  };
  try {
    device.appendFile(eventFiles.newest, `${JSON.stringify(whole)}\n`);
  } catch {
    // See above.
  }
}

export function readBootId(device: Device): string {
  return device.readFile('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

export function readUptime(device: Device): number {
  return Number.parseFloat(device.readFile('/proc/uptime') ?? '0');
}

/** `exit code 3`, `SIGKILL`. */
export function describeExit({ code, isTold }: Pick<ServiceEvent, 'code' | 'isTold'>): string {
  const told = isTold === true ? ', as it was told to' : '';
  if (code === undefined) return `exit code not known${told}`;
  const signal = code > 128 ? signalNames[code - 128] : undefined;
  return `${signal === undefined ? `exit code ${code}` : `killed by ${signal}`}${told}`;
}

/** signal(7), the same on x86-64 and arm64. */
const signalNames: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  5: 'SIGTRAP',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  10: 'SIGUSR1',
  11: 'SIGSEGV',
  12: 'SIGUSR2',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
  31: 'SIGSYS',
};
