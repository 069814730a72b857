import type { Device } from '../device.ts';

/** What a control group has used (cgroup v2, https://docs.kernel.org/admin-guide/cgroup-v2.html); `null` where the kernel does not tell. */
export interface GroupUsage {
  readonly cpuUsec: number | null;
  readonly memoryBytes: number | null;
  /** Of that, what is not cache and could not be given back: anonymous and kernel memory. */
  readonly residentBytes: number | null;
  readonly readBytes: number | null;
  readonly writtenBytes: number | null;
  readonly pids: number | null;
}

const root = '/sys/fs/cgroup';

export function groupOf(service: string): string {
  return `services/${service}`;
}

/** `undefined`: there is no such group. */
export function readGroupUsage(device: Device, group: string): GroupUsage | undefined {
  const folder = `${root}/${group}`;
  const cpu = device.readFile(`${folder}/cpu.stat`);
  if (cpu === undefined) return undefined;
  const memory = device.readFile(`${folder}/memory.stat`);
  const io = device.readFile(`${folder}/io.stat`);
  return {
    cpuUsec: readField(cpu, 'usage_usec'),
    memoryBytes: readNumber(device, `${folder}/memory.current`),
    residentBytes:
      memory === undefined ? null : (readField(memory, 'anon') ?? 0) + (readField(memory, 'kernel') ?? 0),
    readBytes: io === undefined ? null : sumOf(io, 'rbytes'),
    writtenBytes: io === undefined ? null : sumOf(io, 'wbytes'),
    pids: readNumber(device, `${folder}/pids.current`),
  };
}

/** A limit; `null` for none. */
export function readLimit(device: Device, group: string, file: string): number | null {
  return readNumber(device, `${root}/${group}/${file}`);
}

/** `NAME 123`, a line for each. */
function readField(text: string, name: string): number | null {
  const found = new RegExp(`^${name} (\\d+)$`, 'm').exec(text);
  return found === null ? null : Number(found[1]);
}

/** `254:0 rbytes=1 wbytes=2 …`, a line for each device; partitions and mapped devices are not counted twice by the kernel. */
function sumOf(text: string, key: string): number {
  return [...text.matchAll(new RegExp(`\\b${key}=(\\d+)`, 'g'))].reduce(
    (sum, [, digits]) => sum + Number(digits),
    0,
  );
}

function readNumber(device: Device, path: string): number | null {
  const text = device.readFile(path)?.trim();
  return text === undefined || !/^\d+$/.test(text) ? null : Number(text);
}
