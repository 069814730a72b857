import type { Device } from '../device.ts';
import { type GroupUsage, groupOf, readGroupUsage, readLimit } from './cgroup.ts';
import { CommandFailed, type KeelctlCommand, printJson } from './command.ts';
import { readEngine } from './engine.ts';
import { makeTable, showBytes } from './table.ts';

const intervalMs = 1000;

/** A line of `top`. */
export interface TopRow {
  /** A service; or `(init)`: finit, `(supervision)`: run-service and crun of all services, and what else runs beside containers. */
  readonly name: string;
  /** 100 is one processor. */
  readonly cpuPercent: number | null;
  readonly memoryBytes: number | null;
  readonly residentBytes: number | null;
  readonly memoryLimitBytes: number | null;
  readonly readBytesPerSecond: number | null;
  readonly writtenBytesPerSecond: number | null;
  readonly pids: number | null;
  readonly pidsLimit: number | null;
}

interface Reading {
  readonly at: number;
  readonly groups: ReadonlyMap<string, GroupUsage>;
}

export const top: KeelctlCommand = {
  usage: 'top [--no-stream]',
  summary: 'show what each service uses: processor, memory, input and output, processes',
  audience: 'people',
  operands: [0, 0],
  options: { 'no-stream': { summary: 'once, and not again each second; so it is with --json, too' } },
  examples: ['top', 'top --no-stream', 'top --json'],
  run(device, { isJson, options }) {
    const groups = listGroups(device);
    let before = takeReading(device, groups);
    for (;;) {
      device.sleep(intervalMs);
      const now = takeReading(device, groups);
      const rows = compare(device, groups, before, now);
      if (rows.length === 0) {
        throw new CommandFailed(
          'Cannot read /sys/fs/cgroup/services: no service runs, or this is no session of root.',
        );
      }
      if (isJson) printJson(device, rows);
      else show(device, rows);
      if (isJson || options.has('no-stream')) return 0;
      before = now;
    }
  },
};

/** Name → control group; what containers of users use counts to their engine's. The last two are of /etc/finit.conf. */
function listGroups(device: Device): ReadonlyMap<string, string> {
  return new Map([
    ...readEngine(device).services.map(({ name }) => [name, groupOf(name)] as const),
    ['(init)', 'init'],
    ['(supervision)', 'system'],
  ]);
}

function takeReading(device: Device, groups: ReadonlyMap<string, string>): Reading {
  const found = [...groups].flatMap(([name, group]) => {
    const usage = readGroupUsage(device, group);
    return usage === undefined ? [] : [[name, usage] as const];
  });
  return { at: device.now(), groups: new Map(found) };
}

function compare(
  device: Device,
  groups: ReadonlyMap<string, string>,
  before: Reading,
  now: Reading,
): readonly TopRow[] {
  const seconds = Math.max((now.at - before.at) / 1000, 0.001);
  const rate = (name: string, key: 'cpuUsec' | 'readBytes' | 'writtenBytes'): number | null => {
    const last = now.groups.get(name)?.[key] ?? null;
    // A service that was started in between began at 0.
    const first = before.groups.get(name)?.[key] ?? 0;
    return last === null ? null : Math.max(last - first, 0) / seconds;
  };
  return [...now.groups].map(([name, usage]) => {
    const group = groups.get(name) ?? '';
    const cpu = rate(name, 'cpuUsec');
    return {
      name,
      cpuPercent: cpu === null ? null : Math.round(cpu / 1000) / 10,
      memoryBytes: usage.memoryBytes,
      residentBytes: usage.residentBytes,
      memoryLimitBytes: readLimit(device, group, 'memory.max'),
      readBytesPerSecond: rate(name, 'readBytes'),
      writtenBytesPerSecond: rate(name, 'writtenBytes'),
      pids: usage.pids,
      pidsLimit: readLimit(device, group, 'pids.max'),
    };
  });
}

/** What uses most comes first; a stream on a terminal replaces what it showed before. */
function show(device: Device, rows: readonly TopRow[]): void {
  const sorted = rows.toSorted(
    (a, b) => (b.cpuPercent ?? 0) - (a.cpuPercent ?? 0) || (b.memoryBytes ?? 0) - (a.memoryBytes ?? 0),
  );
  const lines = makeTable(
    ['NAME', 'CPU %', 'MEMORY', 'RESIDENT', 'LIMIT', 'READ/S', 'WRITTEN/S', 'PIDS', 'LIMIT'],
    sorted.map((row) => [
      row.name,
      row.cpuPercent === null ? '-' : row.cpuPercent.toFixed(1),
      ...[row.memoryBytes, row.residentBytes, row.memoryLimitBytes].map(showOrDash),
      showOrDash(row.readBytesPerSecond),
      showOrDash(row.writtenBytesPerSecond),
      String(row.pids ?? '-'),
      String(row.pidsLimit ?? '-'),
    ]),
  );
  device.print(`${device.isTerminal ? '\x1b[H\x1b[J' : ''}${lines.join('\n')}`);
}

function showOrDash(bytes: number | null): string {
  return bytes === null ? '-' : showBytes(bytes);
}
