import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { trialBoots } from '../../build/contract/boot-entries.ts';
import { openDiskFile } from '../support/disk/disk-bytes.ts';
import { type DigestCache, judgeDisk, type Verdict } from '../support/disk/judge-disk.ts';
import { waitFor } from '../support/wait-for.ts';
import { checkReturned, type Returned, waitUntilCommitted, waitUntilLeft } from './checks.ts';
import { makeTorturedMachine, type TorturedMachine } from './power.ts';
import { inBackground, type Life, lifeOf, type Prepared } from './prepare.ts';
import { type PlannedCut, stageLength } from './stages.ts';
import { WriteWatch } from './watch-writes.ts';

/** What became of a machine whose power went. */
export interface CutOutcome {
  readonly planned: PlannedCut;
  /** 1, and one for each time that the power went again. */
  readonly cuts: number;
  /** Where the cuts hit. */
  readonly hit: readonly string[];
  readonly returned?: Returned;
  readonly seconds: number;
  /** Why the machine did not return as it should; its files are kept there. */
  readonly fault?: string;
  readonly keptIn?: string;
}

const lookEveryMs = 2;

/** Cuts the power of one machine, gives it back, and looks at what returns. */
export async function cutMachine(prepared: Prepared, planned: PlannedCut): Promise<CutOutcome> {
  const { stage, number } = planned;
  const startedAt = Date.now();
  const hit: string[] = [];
  const verdicts: Verdict[] = [];
  let cuts = 0;
  const folder = join(prepared.folder, `cut-${String(number).padStart(4, '0')}-${stage.name}`);
  const { beginning } = lifeOf(prepared, stage.life);
  const machine = await makeTorturedMachine(prepared.workshop, folder, prepared.seedPath, beginning);
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  const cut = async (where: string) => {
    await machine.cutPower();
    cuts++;
    hit.push(where);
    const verdict = await judge(prepared, machine);
    verdicts.push(verdict);
    hit.push(describeVerdict(verdict));
  };
  try {
    await machine.powerOn();
    if (stage.begin !== undefined) {
      await machine.guest.waitUntilReachable();
      if (stage.before !== undefined) await machine.guest.run(stage.before);
      await machine.guest.run(inBackground(stage.begin));
      machine.guest.disconnect();
    }
    await cut(await awaitMoment(prepared, machine, planned));
    for (const share of planned.again) {
      await machine.powerOn();
      const pauseMs = share * lifeOf(prepared, 'fresh').durationMs;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      await cut(`again ${(pauseMs / 1000).toFixed(1)} s after the start`);
    }
    await machine.powerOn();
    const returned = await comeBack(prepared, machine, stage.life, {
      askAgain: stage.askAgain,
      isSpent: isTrialSpent(prepared, verdicts),
    });
    await machine.remove();
    return { planned, cuts, hit, returned, seconds: seconds() };
  } catch (error) {
    await machine.cutPower();
    const fault = (error as Error).message;
    return { planned, cuts, hit, seconds: seconds(), fault, keptIn: folder };
  }
}

/**
 * Each of the boots that a version on trial has was lost to a power cut: the machine cannot tell that from a version that hangs, and
 * the old one is right.
 */
export function isTrialSpent(
  { newVersion, oldVersion }: Pick<Prepared, 'newVersion' | 'oldVersion'>,
  verdicts: readonly Pick<Verdict, 'boots'>[],
): boolean {
  const wasOnTrial = verdicts.some(({ boots }) => boots?.version === newVersion && boots.name.includes('+'));
  return verdicts.length >= trialBoots && wasOnTrial && verdicts.at(-1)?.boots?.version === oldVersion;
}

/** Until the stage's clock says so, or the stage is over. Gives where it hit. */
async function awaitMoment(
  prepared: Prepared,
  machine: TorturedMachine,
  planned: PlannedCut,
): Promise<string> {
  const { stage, share, delayMs } = planned;
  const length = stageLength(prepared, stage);
  const { map, durationMs } = lifeOf(prepared, stage.life);
  using watch = new WriteWatch(machine.writeLogPath, map);
  const startedAt = Date.now();
  // How often the kernel writes the same block depends on its clock: the count may not be reached, and then it is cut late.
  const limitMs = durationMs * 1.5 + 15_000;
  const wanted = 1 + Math.floor(share * length);
  const isDue = (): boolean => {
    if (stage.clock === 'time') return Date.now() - startedAt >= share * length;
    watch.look();
    return watch.count(stage.clock.writesTo) >= wanted;
  };
  let isLate = false;
  while (!isDue() && !isLate) {
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    isLate = Date.now() - startedAt > limitMs;
  }
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  watch.look();
  const clock =
    stage.clock === 'time'
      ? `after ${((share * length) / 1000).toFixed(1)} of ${(length / 1000).toFixed(0)} s`
      : `at write ${wanted} of ${length} to ${stage.clock.writesTo}${isLate ? ', which never came' : ''}`;
  return `${clock}; last: ${watch.tail()}`;
}

/** The disk as the cut left it, read by the independent reader. */
async function judge(prepared: Prepared, machine: TorturedMachine): Promise<Verdict> {
  const path = join(machine.folder, 'cut.raw');
  await machine.copyDisk(path);
  const verdict = readDisk(prepared, path);
  await rm(path);
  if (verdict.faults.length > 0) throw new Error(`the disk: ${verdict.faults.join('; ')}`);
  return verdict;
}

export function readDisk(prepared: Prepared, path: string, cache: DigestCache = new Map()): Verdict {
  using disk = openDiskFile(path);
  return judgeDisk(disk, prepared.known, cache);
}

export function describeVerdict({ faults, boots, notes }: Verdict): string {
  const words = boots === undefined ? 'boots nothing' : `boots ${boots.name} (${boots.version})`;
  return [`the disk ${words}`, ...faults, ...notes].join('; ');
}

/** Reachable, verified, intact; and an update that was begun comes to its end. */
export async function comeBack(
  prepared: Prepared,
  machine: TorturedMachine,
  life: Life,
  update: { readonly askAgain?: string | undefined; readonly isSpent?: boolean },
): Promise<Returned> {
  const { guest } = machine;
  await guest.waitUntilReachable(240_000);
  // It may restart into the new version while it is looked at.
  const look = () =>
    waitFor(
      async () => {
        guest.disconnect();
        return await checkReturned(guest, life === 'fresh' ? undefined : prepared.kept);
      },
      { what: 'a machine that is as it should be', deadlineMs: 60_000 },
    );
  const returned = await look();
  if (life === 'fresh' || life === 'kept') return returned;
  const { newVersion, oldVersion } = prepared;
  if (update.isSpent === true) await waitUntilLeft(machine.guest, newVersion);
  else await waitUntilCommitted(machine, newVersion, update.askAgain, 360_000);
  const wanted = update.isSpent === true ? oldVersion : newVersion;
  const final = await look();
  if (final.version !== wanted) throw new Error(`it should run ${wanted} and runs ${final.version}`);
  return returned;
}
