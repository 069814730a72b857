import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { randomFrom } from '../support/disk/random.ts';
import { comeBack } from './cut-machine.ts';
import { makeTorturedMachine } from './power.ts';
import { beginUpdate, type Life, lifeOf, type Prepared, resumeUpdates } from './prepare.ts';
import { type StateOptions, type StatesRead, statesOf, writeState } from './read-states.ts';

/** A crash state that a machine is to start from. */
export interface PickedState {
  readonly prepared: Prepared;
  readonly life: Life;
  /** Among all states of that life. */
  readonly index: number;
}

/** What became of a machine that started from a crash state. */
export interface BootedState extends PickedState {
  readonly landed: string;
  readonly seconds: number;
  readonly version?: string;
  readonly fault?: string;
  readonly keptIn?: string;
}

/** What was read takes turns. */
export function pickStates(read: readonly StatesRead[], count: number, seed: number): readonly PickedState[] {
  const random = randomFrom(seed);
  return Array.from({ length: read.length === 0 ? 0 : count }, (_, turn) => {
    const { prepared, life, states } = read[turn % read.length] as StatesRead;
    return { prepared, life, index: Math.floor(random() * states) };
  });
}

/** Starts a machine from a state in which a power cut may have left its disk. */
export async function bootState(picked: PickedState, options: StateOptions): Promise<BootedState> {
  const { prepared, life, index } = picked;
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  const diskPath = join(prepared.folder, `state-${life}-${index}.raw`);
  let landed = '';
  let at = 0;
  for (const state of statesOf(prepared, life, options)) {
    if (at++ !== index) continue;
    landed = `after flush ${state.window}: ${state.landed}`;
    await writeState(prepared, life, state.disk, diskPath);
    break;
  }
  const { variablesPath } = lifeOf(prepared, life).beginning;
  const folder = join(prepared.folder, `state-${life}-${index}`);
  const beginning = { diskPath, ...(variablesPath === undefined ? {} : { variablesPath }) };
  const machine = await makeTorturedMachine(prepared.workshop, folder, prepared.seedPath, beginning);
  try {
    await machine.powerOn();
    const { version } = await comeBack(prepared, machine, life, {
      askAgain: `${resumeUpdates}; ${beginUpdate}`,
    });
    await machine.remove();
    await rm(diskPath);
    return { ...picked, landed, version, seconds: seconds() };
  } catch (error) {
    await machine.cutPower();
    return { ...picked, landed, seconds: seconds(), fault: (error as Error).message, keptIn: folder };
  }
}
