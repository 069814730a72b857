import { formatBytes } from '../../errors/format-quantity.ts';
import { benchHardware } from '../measure/bench-machine.ts';
import type { Measurement } from '../measure/measurement.ts';

/** The computer on which all was measured, and when. */
export interface BenchConditions {
  readonly date: string;
  readonly cpus: number;
  readonly model: string;
  /** Average load of the last minute (proc_loadavg(5)), at the beginning and at the end. */
  readonly loads: readonly [number, number];
  readonly rounds: number;
  /** By suite: the date of what the peers install. */
  readonly archiveDates: Readonly<Record<string, string>>;
}

/** What one must know to read the tables. */
export function describeNotes(conditions: BenchConditions, measurements: readonly Measurement[]): string[] {
  const { cpus, model, loads, date, rounds, archiveDates } = conditions;
  const { memoryMiB, cpus: guestCpus, diskSizeBytes } = benchHardware;
  const newest = Object.values(archiveDates).sort().at(-1)?.slice(0, 10);
  const machine = `${guestCpus} processors, ${memoryMiB} MiB, a disk of ${formatBytes(diskSizeBytes)}, UEFI`;
  return [
    `Measured on ${date.slice(0, 10)} on ${cpus} processors (${model}) with a load of ${loads.map((load) => load.toFixed(1)).join(' at the beginning and ')} at the end.`,
    `Machines run under QEMU's emulation (TCG), all with ${machine}; boots are the median of ${rounds}, in turns.`,
    'In parentheses: the least and the most. "times": how many times the first column, each round compared with the same round.',
    ...(newest === undefined ? [] : [`mmdebstrap and mkosi install Debian packages as of ${newest}.`]),
    ...measurements.flatMap(noteOfLongestStep),
    ...measurements.flatMap(({ name, obstacle }) =>
      obstacle === undefined ? [] : [`Not measured to the end: ${name}: ${obstacle}`],
    ),
  ];
}

/** A step that is most of a build deserves a word. */
function noteOfLongestStep({ name, builds }: Measurement): string[] {
  const cold = builds?.coldSeconds.at(-1) ?? 0;
  const step = builds?.longestStep;
  if (step === undefined || step.seconds < cold / 2) return [];
  return [`Of the cold build of ${name}, "${step.title}" took ${step.seconds.toFixed(0)} s.`];
}
