import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import { drawBootChart } from './boot-chart.ts';
import { type KeelctlCommand, printJson } from './command.ts';
import { readEngine } from './engine.ts';
import { readBootId, readEvents } from './event-record.ts';
import { makeTable } from './table.ts';

/** A stretch of the boot; seconds since the kernel started, below 0 for what came before it. */
export interface BootStretch {
  readonly name: string;
  readonly kind: 'firmware' | 'kernel' | 'machine' | 'service';
  readonly start: number;
  /** `null`: it has not come to an end. */
  readonly end: number | null;
}

export interface BootTimeline {
  readonly hostname: string;
  readonly version: string;
  readonly stretches: readonly BootStretch[];
  /** When the last service of the boot was ready. */
  readonly readyAt: number | null;
}

export const boot: KeelctlCommand = {
  usage: 'boot [--svg]',
  summary: 'show how long each part of the boot took',
  audience: 'people',
  operands: [0, 0],
  options: { svg: { summary: 'draw it: an SVG image on standard output' } },
  examples: ['boot', 'boot --svg > boot.svg', 'boot --json'],
  run(device, { isJson, options }) {
    const timeline = readTimeline(device);
    if (isJson) printJson(device, timeline);
    else if (options.has('svg')) device.print(drawBootChart(timeline));
    else for (const line of showTimeline(timeline)) device.print(line);
    return 0;
  },
};

export function readTimeline(device: Device): BootTimeline {
  const engine = readEngine(device);
  const stretches = [
    ...readFirmware(device),
    ...readKernel(device),
    ...readSteps(device),
    ...readServices(
      device,
      engine.services.map(({ name }) => name),
    ),
  ];
  const ends = stretches.flatMap(({ kind, end }) => (kind === 'service' && end !== null ? [end] : []));
  return {
    hostname: device.readFile('/proc/sys/kernel/hostname')?.trim() ?? engine.hostname,
    version: `${engine.recipe} ${engine.version}`,
    stretches,
    readyAt: ends.length === 0 ? null : Math.max(...ends),
  };
}

/** ACPI, Firmware Performance Data Table, where firmware and kernel have it; nanoseconds since the reset. */
function readFirmware(device: Device): readonly BootStretch[] {
  const read = (name: string): number =>
    Number(device.readFile(`/sys/firmware/acpi/fpdt/boot/${name}_ns`)?.trim() ?? 0) / 1e9;
  const loader = read('bootloader_launch');
  const exit = read('exitbootservice_end');
  if (loader === 0 || exit <= loader) return [];
  return [
    { name: 'firmware', kind: 'firmware', start: -exit, end: loader - exit },
    { name: 'boot loader', kind: 'firmware', start: loader - exit, end: 0 },
  ];
}

/** What the initramfs put down when it began and when it handed over. */
function readKernel(device: Device): readonly BootStretch[] {
  const text = device.readFile(machineLayout.bootFile);
  if (text === undefined) return [];
  const { startedAt, handedOverAt } = JSON.parse(text) as { startedAt?: number; handedOverAt?: number };
  if (startedAt === undefined || handedOverAt === undefined) return [];
  return [
    { name: 'kernel', kind: 'kernel', start: 0, end: startedAt },
    { name: 'initramfs', kind: 'kernel', start: startedAt, end: handedOverAt },
  ];
}

/** `/run/keelson/boot-steps`, of start-machine: lines of `NAME BEGIN END`. */
function readSteps(device: Device): readonly BootStretch[] {
  const lines = (device.readFile(`${machineLayout.runtime}/boot-steps`) ?? '').split('\n');
  return lines.flatMap((line): readonly BootStretch[] => {
    const [name, start, end] = line.split(' ');
    if (name === undefined || start === undefined) return [];
    return [{ name, kind: 'machine', start: Number(start), end: end === undefined ? null : Number(end) }];
  });
}

/** The first start of each service in this boot, until it was ready; one that ended before that: until then. */
function readServices(device: Device, names: readonly string[]): readonly BootStretch[] {
  const id = readBootId(device);
  const events = readEvents(device).filter(({ boot: other }) => other === id);
  return names
    .flatMap((name): readonly BootStretch[] => {
      const own = events.filter(({ service }) => service === name);
      const first = own.findIndex(({ event }) => event === 'start');
      const start = own[first];
      if (start === undefined) return [];
      const end = own
        .slice(first)
        .find(({ event }) => event === 'ready' || event === 'exit' || event === 'failed');
      return [{ name, kind: 'service', start: start.uptime, end: end?.uptime ?? null }];
    })
    .sort((a, b) => a.start - b.start);
}

const barWidth = 40;

function showTimeline({ stretches, readyAt }: BootTimeline): readonly string[] {
  if (stretches.length === 0) return ['Nothing was put down of this boot.'];
  const begin = Math.min(0, ...stretches.map(({ start }) => start));
  const last = Math.max(...stretches.map(({ start, end }) => end ?? start));
  const column = (at: number) => Math.round(((at - begin) / Math.max(last - begin, 0.01)) * barWidth);
  const rows = stretches.map(({ name, start, end }) => {
    const from = Math.min(column(start), barWidth - 1);
    const to = Math.max(column(end ?? last), from + 1);
    return [
      name,
      start.toFixed(2),
      end === null ? '-' : end.toFixed(2),
      end === null ? '-' : (end - start).toFixed(2),
      `${' '.repeat(from)}${(end === null ? '.' : '#').repeat(to - from)}`,
    ];
  });
  return [
    ...makeTable(['NAME', 'START', 'READY', 'TOOK', ''], rows),
    '',
    readyAt === null
      ? 'No service was started.'
      : `The last service was ready ${readyAt.toFixed(2)} s after the kernel’s start${begin < 0 ? `, ${(readyAt - begin).toFixed(2)} s after the power came on` : ''}.`,
  ];
}
