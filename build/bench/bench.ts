import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Guest } from '../../qemu-tests/support/guest.ts';
import { makeMachine } from '../../qemu-tests/support/machine.ts';
import {
  artefactOf,
  type BuildReport,
  keelson,
  repositoryFolder,
} from '../../qemu-tests/support/test-workshop.ts';
import { waitFor } from '../../qemu-tests/support/wait-for.ts';
import { describeFigure, type Figure, median } from './figures.ts';

/** `npm run bench [-- --cold]`: the figures of the README beside their targets, also in out/bench/report.json. */
const rounds = 5;
const changedRounds = 3;
const folder = join(repositoryFolder, 'out/bench');
const recipe = 'minimal';

const figures: Figure[] = [];

function report(figure: Figure): void {
  figures.push(figure);
  process.stdout.write(`${describeFigure(figure)}\n`);
}

interface TimedBuild {
  readonly seconds: number;
  readonly report: BuildReport;
}

async function timedBuild(
  wanted: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<TimedBuild> {
  const startedAt = performance.now();
  const result = await keelson(['build', wanted, '--out', join(folder, 'image'), '--json'], { environment });
  const seconds = (performance.now() - startedAt) / 1000;
  if (result.exitCode !== 0) throw new Error(`keelson build ${wanted} failed: ${result.stderr}`);
  return { seconds, report: JSON.parse(result.stdout.trim().split('\n').at(-1) ?? '') };
}

async function timeWarmBuild(): Promise<BuildReport> {
  await timedBuild(recipe);
  const builds: TimedBuild[] = [];
  for (let round = 0; round < rounds; round++) builds.push(await timedBuild(recipe));
  const last = builds.at(-1);
  if (last === undefined || last.report.ranSteps !== 0) throw new Error('a warm build ran steps');
  const value = median(builds.map((build) => build.seconds));
  report({ name: 'warm build, nothing changed', value, unit: 's', target: 2 });
  return last.report;
}

/** A copy of the recipe with one service of its own, whose file changes every time. */
async function timeChangedService(): Promise<void> {
  const copy = join(folder, 'recipe');
  await rm(copy, { recursive: true, force: true });
  await cp(join(repositoryFolder, 'recipes', recipe), copy, { recursive: true });
  const services = await readdir(join(repositoryFolder, 'system-services'));
  const service = services.filter((name) => name !== 'README.md').sort()[0] ?? '';
  const serviceFolder = join(copy, 'system-services', service);
  await cp(join(repositoryFolder, 'system-services', service), serviceFolder, { recursive: true });
  const source = join(serviceFolder, 'files', (await readdir(join(serviceFolder, 'files'))).sort()[0] ?? '');
  const original = await readFile(source, 'utf8');
  await timedBuild(copy);
  const builds: TimedBuild[] = [];
  for (let round = 0; round < changedRounds; round++) {
    await writeFile(source, `${original}\n# round ${round} of ${Date.now()}\n`);
    builds.push(await timedBuild(copy));
  }
  const value = median(builds.map((build) => build.seconds));
  report({ name: "one service's file changed", value, unit: 's', target: 20 });
}

async function timeColdBuild(): Promise<void> {
  const cacheFolder = await mkdtemp(join(tmpdir(), 'keelson-bench-'));
  const { seconds } = await timedBuild(recipe, { XDG_CACHE_HOME: cacheFolder });
  report({ name: 'cold build, empty store', value: seconds, unit: 's', target: 240 });
  await rm(cacheFolder, { recursive: true, force: true });
}

function reportSize(build: BuildReport): void {
  const bytes = artefactOf(build, 'uki').sizeBytes + artefactOf(build, 'root').sizeBytes;
  report({ name: 'unified kernel image and root', value: bytes / 1e6, unit: 'MB', target: 45 });
}

/** Seconds from power to a command over SSH, and the memory in use when all services have settled. */
async function timeBoots(): Promise<void> {
  const machine = await makeMachine({ test: 'bench' });
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now();
    await machine.boot();
    seconds.push((performance.now() - startedAt) / 1000);
    if (round < rounds - 1) await machine.cutPower();
  }
  report({ name: 'firmware to SSH login under TCG', value: median(seconds), unit: 's', target: 25 });
  const value = await settledMemory(machine.guest);
  report({ name: 'memory in use, all services idle', value, unit: 'MB', target: 64 });
  await machine.dispose();
}

/** MemTotal − MemAvailable in MB once two looks in a row agree within one. */
async function settledMemory(guest: Guest): Promise<number> {
  let last = Number.NaN;
  return waitFor(
    async () => {
      const services = await guest.services();
      const text = await guest.run('cat /proc/meminfo');
      const kiB = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]);
      const used = ((kiB('MemTotal') - kiB('MemAvailable')) * 1024) / 1e6;
      const isSettled = Math.abs(used - last) < 1 && services.every(({ state }) => state === 'running');
      last = used;
      return isSettled && used;
    },
    { what: 'memory in use to settle', deadlineMs: 60_000 },
  );
}

await mkdir(folder, { recursive: true });
const built = await timeWarmBuild();
await timeChangedService();
if (process.argv.includes('--cold')) await timeColdBuild();
reportSize(built);
await timeBoots();
const computer = { cpus: cpus().length, model: cpus()[0]?.model, load: loadavg()[0] };
await writeFile(join(folder, 'report.json'), `${JSON.stringify({ computer, figures }, undefined, 2)}\n`);
