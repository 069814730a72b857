import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Guest } from '../../../qemu-tests/support/guest.ts';
import { makeMachine, type TestMachine } from '../../../qemu-tests/support/machine.ts';
import { artefactOf, keelson } from '../../../qemu-tests/support/test-workshop.ts';
import { waitFor } from '../../../qemu-tests/support/wait-for.ts';
import { removeTree } from '../../store/open-store.ts';
import type { Surroundings } from '../contenders/contender.ts';
import { makeKeelsonContender } from '../contenders/keelson.ts';
import { describeFigure, type Figure } from '../report/figures.ts';
import { usedMemory } from './machine-facts.ts';
import { median } from './statistics.ts';

const recipe = 'minimal';
const changedRounds = 3;

export interface FiguresOptions {
  readonly rounds: number;
  readonly hasBoots: boolean;
  /** Also with an empty store, downloads and all. */
  readonly hasDownloads: boolean;
}

/** What the README says of `minimal`, measured in the computer's own store; each figure is told as it comes. */
export async function measureFigures(
  surroundings: Surroundings,
  { rounds, hasBoots, hasDownloads }: FiguresOptions,
  tell: (line: string) => void,
): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const report = (figure: Figure): void => {
    figures.push(figure);
    tell(describeFigure(figure));
  };
  for await (const figure of buildFigures(surroundings, rounds)) report(figure);
  if (hasDownloads) report(await timeDownloads());
  const machine = await makeMachine({ test: 'bench' });
  try {
    report(sizeFigure(machine));
    if (hasBoots) for await (const figure of bootFigures(machine, rounds)) report(figure);
  } finally {
    await machine.dispose();
  }
  return figures;
}

async function* buildFigures(surroundings: Surroundings, rounds: number): AsyncGenerator<Figure> {
  const contender = await makeKeelsonContender(surroundings, recipe, false);
  await contender.prepare();
  await contender.build();
  const unchanged = await repeat(rounds, () => contender.build());
  yield { name: 'warm build, nothing changed', value: median(unchanged), unit: 's', target: 2 };
  const changed: number[] = [];
  for (let round = 1; round <= changedRounds; round++) {
    await contender.changeOneFile(Date.now());
    changed.push(...(await repeat(1, () => contender.build())));
  }
  yield { name: "one service's file changed", value: median(changed), unit: 's', target: 20 };
}

async function repeat(rounds: number, work: () => Promise<unknown>): Promise<number[]> {
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now();
    await work();
    seconds.push((performance.now() - startedAt) / 1000);
  }
  return seconds;
}

async function timeDownloads(): Promise<Figure> {
  const cacheFolder = await mkdtemp(join(tmpdir(), 'keelson-bench-'));
  const words = ['build', recipe, '--out', join(cacheFolder, 'image'), '--json'];
  try {
    const [value = Number.NaN] = await repeat(1, async () => {
      const built = await keelson(words, { environment: { XDG_CACHE_HOME: cacheFolder } });
      if (built.exitCode !== 0) throw new Error(`keelson build ${recipe} failed: ${built.stderr}`);
    });
    return { name: 'cold build, empty store', value, unit: 's', target: 240 };
  } finally {
    await removeTree(cacheFolder);
  }
}

function sizeFigure({ build }: TestMachine): Figure {
  const bytes = artefactOf(build, 'uki').sizeBytes + artefactOf(build, 'root').sizeBytes;
  return { name: 'unified kernel image and root', value: bytes / 1e6, unit: 'MB', target: 45 };
}

/** Seconds from power to a command over SSH, and the memory in use when all services have settled. */
async function* bootFigures(machine: TestMachine, rounds: number): AsyncGenerator<Figure> {
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    seconds.push(...(await repeat(1, () => machine.boot())));
    if (round < rounds - 1) await machine.cutPower();
  }
  yield { name: 'firmware to SSH login under TCG', value: median(seconds), unit: 's', target: 25 };
  const value = await settledMemory(machine.guest);
  yield { name: 'memory in use, all services idle', value, unit: 'MB', target: 64 };
}

/** MemTotal − MemAvailable in MB once two looks in a row agree within one. */
async function settledMemory(guest: Guest): Promise<number> {
  let last = Number.NaN;
  return waitFor(
    async () => {
      const services = await guest.services();
      const [bytes = Number.NaN] = usedMemory(await guest.run('cat /proc/meminfo'));
      const used = bytes / 1e6;
      const isSettled = Math.abs(used - last) < 1 && services.every(({ state }) => state === 'running');
      last = used;
      return isSettled && used;
    },
    { what: 'memory in use to settle', deadlineMs: 60_000 },
  );
}
