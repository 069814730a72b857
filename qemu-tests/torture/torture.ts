import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cleanUp } from '../support/afterwards.ts';
import { randomFrom } from '../support/disk/random.ts';
import { openTestWorkshop, testOutputFolder } from '../support/test-workshop.ts';
import { type BootedState, bootState, pickStates } from './boot-states.ts';
import { type CutOutcome, cutMachine } from './cut-machine.ts';
import { type Prepared, prepare } from './prepare.ts';
import { readStates, type StatesRead } from './read-states.ts';
import { describeBooted, describeOutcome, describeStates, summarise } from './report.ts';
import { type PlannedCut, planCuts, stages } from './stages.ts';
import { type WorldName, worlds } from './worlds.ts';

const usage = `Use: npm run torture -- [options]

Cuts the power of machines in the middle of updates, gives it back, and looks at what returns.

  --cuts N      power cuts in all (20)
  --seed N      which ones: the same seed, the same moments (1). Moments are told by writes to the disk, which do not depend
                on how busy the computer is; where nothing is written they are told by time, which does
  --jobs N      machines side by side (one for each core)
  --states N    all crash states that the write log allows are read; so many of them are booted, too (a tenth of the cuts).
                0: none is read either
  --only STAGE  this stage alone; may be given again
  --number N    of these cuts the one with that number alone, to see a lost machine again; may be given again
  --help        this

Ctrl-C ends all machines and tells what was done so far.

Stages:
${stages.map(({ name, title }) => `  ${name.padEnd(12)}  ${title}`).join('\n')}

The folder of each machine that did not return is kept under out/qemu-tests/torture/. Exit code 0: all returned; 1: not all; 2: bad use.`;

interface Options {
  readonly cuts: number;
  readonly states: number;
  readonly seed: number;
  readonly jobs: number;
  readonly only: readonly string[];
  readonly numbers: readonly number[];
}

const tell = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function main(words: readonly string[]): Promise<number> {
  const options = readOptions(words);
  if (typeof options === 'string') {
    tell(options);
    return options === usage ? 0 : 2;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      tell('stopped: taking the power of all machines away');
      stop.abort();
    });
  }
  // What waits for a machine that was taken away would wait on.
  const stopped = new Promise<number>((resolve) => {
    stop.signal.addEventListener('abort', () => setTimeout(resolve, 2000, 130));
  });
  try {
    return await Promise.race([torture(options, stop.signal), stopped]);
  } catch (error) {
    tell(stop.signal.aborted ? 'stopped' : `torture: ${(error as Error).stack}`);
    return stop.signal.aborted ? 130 : 1;
  } finally {
    await cleanUp();
  }
}

async function torture(options: Options, signal: AbortSignal): Promise<number> {
  const { cuts, seed, jobs, only, states } = options;
  const startedAt = Date.now();
  const folder = join(testOutputFolder, 'torture');
  const workshop = await openTestWorkshop(signal);
  const planned = planCuts(cuts, randomFrom(seed), only).filter(
    ({ number }) => options.numbers.length === 0 || options.numbers.includes(number),
  );
  const needed = new Set<WorldName>(planned.map(({ stage }) => stage.world ?? 'plain'));
  await rm(folder, { recursive: true, force: true });
  const all = new Map(
    await Promise.all(
      [...needed].map(async (name) => {
        const prepared = await prepare(workshop, join(folder, name), tell, worlds[name]);
        return [name, prepared] as const;
      }),
    ),
  );
  const read = states === 0 ? [] : await readAllStates([...all.values()], seed);
  tell(`${sum(planned)} power cuts of ${planned.length} machines, seed ${seed}, ${jobs} side by side`);
  const outcomes: CutOutcome[] = [];
  const booted: BootedState[] = [];
  const waiting = mixed(
    planned.map((next) => async () => {
      const outcome = await cutMachine(all.get(next.stage.world ?? 'plain') as Prepared, next);
      if (signal.aborted) return;
      outcomes.push(outcome);
      tell(describeOutcome(outcome));
    }),
    pickStates(read, states, seed).map((picked) => async () => {
      const outcome = await bootState(picked, stateOptions(seed));
      if (signal.aborted) return;
      booted.push(outcome);
      tell(describeBooted(outcome));
    }),
  );
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && !signal.aborted; next = waiting.shift())
      await next();
  };
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  await Promise.race([Promise.all(Array.from({ length: jobs }, work)), stopped]);
  for (const line of summarise(read, booted, outcomes, Date.now() - startedAt)) tell(line);
  const hasLost =
    [...outcomes, ...booted].some(({ fault }) => fault !== undefined) ||
    read.some(({ faultCount }) => faultCount > 0);
  // The disks that are kept lie over those of the prepared machines.
  if (!hasLost && process.env.KEELSON_KEEP !== '1') await rm(folder, { recursive: true, force: true });
  return signal.aborted ? 130 : Number(hasLost);
}

/** The few evenly among the many. */
function mixed<Value>(many: readonly Value[], few: readonly Value[]): Value[] {
  const place = (values: readonly Value[]) =>
    values.map((value, index) => ({ value, at: (index + 0.5) / values.length }));
  return [...place(many), ...place(few)].sort((one, other) => one.at - other.at).map(({ value }) => value);
}

const sum = (planned: readonly PlannedCut[]): number =>
  planned.reduce((total, { again }) => total + 1 + again.length, 0);

const stateOptions = (seed: number) => ({ seed, mostPerWindow: 256 });

async function readAllStates(all: readonly Prepared[], seed: number): Promise<readonly StatesRead[]> {
  const found: StatesRead[] = [];
  for (const prepared of all) {
    for (const life of prepared.lives.keys()) {
      const read = readStates(prepared, life, stateOptions(seed));
      found.push(read);
      for (const line of describeStates(read)) tell(line);
      // Between two, a signal may come through.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return found;
}

function readOptions(words: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        cuts: { type: 'string', default: '20' },
        seed: { type: 'string', default: '1' },
        jobs: { type: 'string', default: String(availableParallelism()) },
        states: { type: 'string', default: '' },
        only: { type: 'string', multiple: true, default: [] },
        number: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return usage;
    const unknown = values.only.find((name) => !stages.some((stage) => stage.name === name));
    if (unknown !== undefined)
      return `There is no stage ${unknown}; there are ${stages.map(({ name }) => name).join(', ')}.`;
    const number = (name: 'cuts' | 'seed' | 'jobs'): number => {
      if (!/^[1-9][0-9]{0,8}$/.test(values[name]))
        throw new Error(`--${name} wants a number from 1 on, not "${values[name]}"`);
      return Number(values[name]);
    };
    const wrong = values.number.find((each) => !/^[1-9][0-9]{0,8}$/.test(each));
    if (wrong !== undefined) throw new Error(`--number wants a number from 1 on, not "${wrong}"`);
    const cuts = number('cuts');
    if (!/^[0-9]{0,6}$/.test(values.states))
      throw new Error(`--states wants a number, not "${values.states}"`);
    const states = values.states === '' ? Math.ceil(cuts / 10) : Number(values.states);
    return {
      cuts,
      states,
      seed: number('seed'),
      jobs: number('jobs'),
      only: values.only,
      numbers: values.number.map(Number),
    };
  } catch (error) {
    return `${(error as Error).message}\n\n${usage}`;
  }
}

// What waits for a machine that was taken away would wait on.
process.exit(await main(process.argv.slice(2)));
