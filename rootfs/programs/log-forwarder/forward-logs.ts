import type { Device } from '../device.ts';
import { type LogTarget, logTargetsFile } from '../shared/log-target.ts';
import { deliver } from './deliver.ts';
import type { Sender } from './log-formats.ts';
import { LogReader } from './log-reader.ts';

/** `{ "URL": number of the last line that was delivered }`. */
const marksFile = '/var/lib/log-forward/marks.json';
const pollMs = 2000;
/** After a failure the next try waits twice as long as the one before, up to this. */
const longestWaitMs = 60_000;

/** Sends the log to its targets, for ever; 0 at once when there are none. */
export function forwardLogs(device: Device): number {
  const text = device.readFile(logTargetsFile);
  const targets = text === undefined ? [] : (JSON.parse(text) as readonly LogTarget[]);
  if (targets.length === 0) return 0;
  const round = makeRounds(device, targets);
  for (;;) {
    if (!round()) device.sleep(pollMs);
  }
}

interface Outlet {
  readonly target: LogTarget;
  readonly reader: LogReader;
  waitMs: number;
  dueAt: number;
  fault: string | undefined;
}

/** Each call sends what is there to the targets whose time has come; true when there may be more at once. */
export function makeRounds(device: Device, targets: readonly LogTarget[]): () => boolean {
  const marks = readMarks(device);
  const sender = readSender(device);
  const outlets = targets.map(
    (target): Outlet => ({
      target,
      reader: new LogReader(device, marks[target.url] ?? 0),
      waitMs: pollMs,
      dueAt: 0,
      fault: undefined,
    }),
  );
  return () => {
    let hasMore = false;
    for (const outlet of outlets.filter(({ dueAt }) => dueAt <= device.now())) {
      const batch = outlet.reader.next();
      if (batch.lines.length === 0) continue;
      const fault = deliver(device, outlet.target, batch.lines, sender);
      tell(device, outlet, fault);
      if (fault === undefined) {
        outlet.reader.commit(batch);
        outlet.waitMs = pollMs;
        marks[outlet.target.url] = batch.lastSeq;
        device.writeFileDurably(marksFile, `${JSON.stringify(marks)}\n`);
        hasMore = true;
      } else {
        outlet.dueAt = device.now() + outlet.waitMs;
        outlet.waitMs = Math.min(outlet.waitMs * 2, longestWaitMs);
      }
    }
    return hasMore;
  };
}

/** Once, and not with each try: this too is a line of the log, which is to be sent. */
function tell(device: Device, outlet: Outlet, fault: string | undefined): void {
  if (fault !== undefined && outlet.fault === undefined) {
    device.printError(`<4>Cannot send to ${outlet.target.url}: ${fault}. Trying again.`);
  } else if (fault === undefined && outlet.fault !== undefined) {
    device.printError(`<5>${outlet.target.url} can be reached again`);
  }
  outlet.fault = fault;
}

function readMarks(device: Device): Record<string, number> {
  try {
    return JSON.parse(device.readFile(marksFile) ?? '{}') as Record<string, number>;
  } catch {
    return {};
  }
}

function readSender(device: Device): Sender {
  const uptime = Number.parseFloat(device.readFile('/proc/uptime') ?? '0');
  return {
    hostname: device.readFile('/proc/sys/kernel/hostname')?.trim() ?? '-',
    machineId: device.readFile('/etc/machine-id')?.trim() ?? '',
    bootId: device.readFile('/proc/sys/kernel/random/boot_id')?.trim() ?? '',
    bootedAt: device.now() - uptime * 1000,
  };
}
