import {
  beginUpdate,
  beginUpdateFromFile,
  type Life,
  lifeOf,
  type Prepared,
  resumeUpdates,
} from './prepare.ts';
import type { WorldName } from './worlds.ts';

/** What a machine is doing when its power goes. */
export interface Stage {
  readonly name: string;
  readonly title: string;
  /** Which prepared machine it begins with; of the plain world when nothing is said. */
  readonly life: Life;
  readonly world?: WorldName;
  /**
   * The clock by which the moment is told: writes to one place on the disk, so that it falls on the same line of the machine's
   * work however busy the computer is, or (where nothing is written) time.
   */
  readonly clock: { readonly writesTo: string } | 'time';
  /** Said to the machine first; what comes before it is done when the clock starts. */
  readonly begin?: string;
  readonly before?: string;
  /** What has to be said again after an interruption, as nobody but a person may. */
  readonly askAgain?: string;
  /** How often it is taken, compared with the others. */
  readonly weight: number;
}

const update = { life: 'ready', before: resumeUpdates, begin: beginUpdate } as const;

export const stages = [
  { ...update, name: 'install', title: 'the new root is written', clock: { writesTo: 'root-b' }, weight: 4 },
  { ...update, name: 'records', title: 'the agent keeps records', clock: { writesTo: 'state' }, weight: 2 },
  { ...update, name: 'kernel', title: 'the new kernel is written', clock: { writesTo: 'esp' }, weight: 2 },
  {
    ...update,
    name: 'rename',
    title: 'names on the ESP change',
    clock: { writesTo: 'esp-names' },
    weight: 4,
  },
  { ...update, name: 'update', title: 'anywhere in the update', clock: 'time', weight: 2 },
  {
    name: 'file',
    title: 'an update from a file',
    life: 'ready',
    begin: beginUpdateFromFile,
    askAgain: beginUpdateFromFile,
    clock: { writesTo: 'root-b' },
    weight: 1,
  },
  {
    ...update,
    name: 'relocation',
    title: 'a slot moves',
    world: 'outgrown',
    clock: { writesTo: 'table' },
    weight: 3,
  },
  {
    ...update,
    name: 'outgrown',
    title: 'the moved slot is written',
    world: 'outgrown',
    clock: { writesTo: 'root-b' },
    weight: 1,
  },
  {
    name: 'firmware',
    title: 'the boot loader counts',
    life: 'staged',
    clock: { writesTo: 'esp-names' },
    weight: 2,
  },
  { name: 'trial', title: 'the new version boots', life: 'staged', clock: 'time', weight: 4 },
  { name: 'gate', title: 'the health gate looks', life: 'trial', clock: 'time', weight: 2 },
  {
    name: 'commit',
    title: 'the version is kept',
    life: 'trial',
    clock: { writesTo: 'esp-names' },
    weight: 4,
  },
  {
    name: 'verdict',
    title: 'the verdict is recorded',
    life: 'trial',
    clock: { writesTo: 'state' },
    weight: 2,
  },
  { name: 'first-boot', title: 'a fresh image boots', life: 'fresh', clock: 'time', weight: 2 },
  {
    name: 'table',
    title: 'the partition table changes',
    life: 'fresh',
    clock: { writesTo: 'table' },
    weight: 2,
  },
  { name: 'growth', title: 'the state grows', life: 'fresh', clock: { writesTo: 'state' }, weight: 2 },
] as const satisfies readonly Stage[];

/** One power cut, and perhaps others while the machine comes back. */
export interface PlannedCut {
  readonly number: number;
  readonly stage: Stage;
  /** From 0 to 1, of the stage's clock. */
  readonly share: number;
  /** After the write that the clock stopped at. */
  readonly delayMs: number;
  /** From 0 to 1, of the time that a boot takes: when the power goes again, each time. */
  readonly again: readonly number[];
}

const againShare = 0.8;

/**
 * A machine may lose three boots of a version on trial, and leaves one that it knows after three that it did not finish: with as
 * many cuts another version would be right.
 */
const mostAgain = (life: Life): number => (life === 'ready' ? 2 : 1);

/** The same cuts for the same seed. */
export function planCuts(cuts: number, random: () => number, only: readonly string[]): readonly PlannedCut[] {
  const wanted: readonly Stage[] = stages.filter(({ name }) => only.length === 0 || only.includes(name));
  const total = wanted.reduce((sum, { weight }) => sum + weight, 0);
  const planned: PlannedCut[] = [];
  // Stages take turns by weight: any number of cuts has its share of each.
  const due = new Map(wanted.map((stage) => [stage, random() * stage.weight]));
  for (let number = 1; number <= cuts; ) {
    for (const stage of wanted) due.set(stage, (due.get(stage) ?? 0) + stage.weight);
    const stage = wanted.reduce((most, each) => ((due.get(each) ?? 0) > (due.get(most) ?? 0) ? each : most));
    due.set(stage, (due.get(stage) ?? 0) - total);
    const moment = { share: random(), delayMs: random() < 0.5 ? 0 : Math.floor(random() * 40) };
    const again: number[] = [];
    const most = Math.min(mostAgain(stage.life), cuts - number);
    while (again.length < most && random() < againShare) again.push(random());
    planned.push({ number, stage, ...moment, again });
    number += 1 + again.length;
  }
  return planned;
}

/** How far the stage's clock goes: a number of writes, or milliseconds. */
export function stageLength(prepared: Prepared, stage: Stage): number {
  const recorded = lifeOf(prepared, stage.life);
  return stage.clock === 'time' ? recorded.durationMs : (recorded.counts[stage.clock.writesTo] ?? 0);
}
