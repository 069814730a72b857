import { join } from 'node:path';
import type { LoginKey } from '../../qemu/login-key.ts';
import type { Contender, Surroundings } from '../contenders/contender.ts';
import { obstacleOf } from '../contenders/list-contenders.ts';
import { type BenchMachine, makeBenchMachine } from './bench-machine.ts';
import { measureBoots, type NamedMachine } from './measure-boots.ts';
import { measureBuilds } from './measure-builds.ts';
import { measureSizes } from './measure-sizes.ts';
import type { Measurement } from './measurement.ts';

export interface CompareOptions {
  readonly rounds: number;
  readonly hasBoots: boolean;
  readonly hasColdBuilds: boolean;
  readonly loginKey: LoginKey;
}

type Tell = (line: string) => void;

/**
 * Builds each contender, then boots all of them in turns. What cannot be measured of one is told, kept as its obstacle, and ends
 * nothing for the others.
 */
export async function compareContenders(
  surroundings: Surroundings,
  contenders: readonly Contender[],
  options: CompareOptions,
  tell: Tell,
): Promise<readonly Measurement[]> {
  const built: Measurement[] = [];
  for (const contender of contenders) built.push(await measureImage(surroundings, contender, options, tell));
  return options.hasBoots ? addBoots(surroundings, built, options, tell) : built;
}

async function measureImage(
  { workshop }: Surroundings,
  contender: Contender,
  { hasColdBuilds }: CompareOptions,
  tell: Tell,
): Promise<Measurement> {
  const { name, job, isKeelson } = contender;
  try {
    const missing = await obstacleOf(workshop.host, contender);
    if (missing !== undefined) throw new Error(missing);
    const builds = await measureBuilds(contender, hasColdBuilds, tell);
    const sizes = await measureSizes(workshop, builds.diskPath);
    return { name, job, isKeelson, builds, sizes };
  } catch (error) {
    workshop.host.signal.throwIfAborted();
    const obstacle = (error as Error).message;
    tell(`${name}: ${obstacle}`);
    return { name, job, isKeelson, obstacle };
  }
}

async function addBoots(
  { workshop, folder }: Surroundings,
  built: readonly Measurement[],
  { rounds, loginKey }: CompareOptions,
  tell: Tell,
): Promise<readonly Measurement[]> {
  const machines: NamedMachine[] = [];
  try {
    for (const { name, job, builds } of built) {
      if (builds === undefined) continue;
      const place = { folder: join(folder, name, 'machine'), loginKey };
      machines.push({
        name,
        machine: await makeBenchMachine(workshop, { name, job }, builds.diskPath, place),
      });
    }
    const outcomes = await measureBoots(machines, rounds, tell, workshop.host.signal);
    return built.map((measurement) => {
      const outcome = outcomes.get(measurement.name);
      if (outcome === undefined) return measurement;
      return 'obstacle' in outcome ? { ...measurement, ...outcome } : { ...measurement, boots: outcome };
    });
  } finally {
    await Promise.all(machines.map(({ machine }: { machine: BenchMachine }) => machine.dispose()));
  }
}
