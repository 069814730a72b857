import type { Job } from '../contenders/contender.ts';
import type { BootTimes } from '../measure/bench-machine.ts';
import type { Measurement } from '../measure/measurement.ts';

export type Unit = 's' | 'MB' | 'count';

/** One line of the comparison; less is better in all of them. */
export interface Metric {
  readonly title: string;
  readonly unit: Unit;
  /** Only machines for that job have it. */
  readonly job?: Job;
  /** All that was measured, in the order of the rounds; empty when it was not. */
  values(measurement: Measurement): readonly number[];
}

const megabyte = 1e6;

export const metrics: readonly Metric[] = [
  { title: 'build, cold', unit: 's', values: ({ builds }) => builds?.coldSeconds ?? [] },
  { title: 'build, one file changed', unit: 's', values: ({ builds }) => builds?.warmSeconds ?? [] },
  { title: 'image', unit: 'MB', values: ({ sizes }) => one(sizes && sizes.imageBytes / megabyte) },
  {
    title: 'image, compressed',
    unit: 'MB',
    values: ({ sizes }) => one(sizes && sizes.compressedBytes / megabyte),
  },
  { title: 'packages', unit: 'count', values: ({ builds }) => one(builds?.packageCount) },
  { title: 'first boot to SSH', unit: 's', values: ({ boots }) => one(boots?.first.sshSeconds) },
  { title: 'boot to SSH', unit: 's', values: (measurement) => laterBoots(measurement, 'sshSeconds') },
  {
    title: 'boot to `docker info`',
    unit: 's',
    job: 'engine',
    values: (measurement) => laterBoots(measurement, 'engineSeconds'),
  },
  {
    title: 'memory in use, idle',
    unit: 'MB',
    values: ({ boots }) => (boots?.facts.usedBytes ?? []).map((bytes) => bytes / megabyte),
  },
  { title: 'processes', unit: 'count', values: ({ boots }) => one(boots?.facts.processes.length) },
  { title: 'listening ports', unit: 'count', values: ({ boots }) => one(boots?.facts.ports.length) },
  { title: 'set-user-ID files', unit: 'count', values: ({ boots }) => one(boots?.facts.setUidFiles.length) },
];

function one(value: number | undefined): number[] {
  return value === undefined ? [] : [value];
}

function laterBoots({ boots }: Measurement, key: keyof BootTimes): number[] {
  return (boots?.later ?? []).flatMap((boot) => boot[key] ?? []);
}

/** `1.2 s`, `42.5 MB`, `17`. */
export function formatValue(value: number, unit: Unit): string {
  if (unit === 'count') return String(value);
  return `${value.toFixed(value < 100 ? 1 : 0)} ${unit}`;
}
