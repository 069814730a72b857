import type { Device } from '../device.ts';
import { CommandFailed, type KeelctlCommand, printJson } from './command.ts';
import { findService, readEngine } from './engine.ts';
import { readServiceStates, type ServiceState, type StateName } from './service-state.ts';

type Verb = 'start' | 'stop' | 'restart';

interface VerbSpec {
  readonly summary: string;
  /** States in which it has done what it should. */
  readonly goals: readonly StateName[];
}

const verbs = {
  start: { summary: 'start a service, also one that has failed', goals: ['running', 'done', 'waiting'] },
  stop: {
    summary: 'stop a service until it is started again, or the machine is',
    goals: ['stopped', 'done'],
  },
  restart: { summary: 'stop a service and start it again', goals: ['running', 'done', 'waiting'] },
} as const satisfies Record<Verb, VerbSpec>;

/** More than finit takes to start a container on a busy machine. */
const patienceSeconds = 15;
const pollMs = 200;

export const start = makeControl('start');
export const stop = makeControl('stop');
export const restart = makeControl('restart');

function makeControl(verb: Verb): KeelctlCommand {
  return {
    usage: `${verb} SERVICE`,
    summary: verbs[verb].summary,
    audience: 'people',
    operands: [1, 1],
    run(device, { operands: [name = ''], isJson }) {
      const service = findService(readEngine(device), name);
      const before = findState(device, name);
      const outcome = device.run(['initctl', '--batch', verb, name]);
      if (outcome.exitCode !== 0) {
        throw new CommandFailed(
          `Cannot ${verb} ${name}: ${outcome.stderr.trim() || `initctl ended with ${outcome.exitCode}`}`,
        );
      }
      const state = waitFor(device, verb, before, patienceSeconds + service.stopTimeoutSeconds);
      if (isJson) printJson(device, state);
      else device.print(`${name} is ${state.state}`);
      return 0;
    },
  };
}

function waitFor(device: Device, verb: Verb, before: ServiceState, seconds: number): ServiceState {
  const { goals }: VerbSpec = verbs[verb];
  const deadline = device.now() + seconds * 1000;
  for (;;) {
    const state = findState(device, before.name);
    // A container that still runs as before has not been restarted yet.
    const isSame = verb === 'restart' && state.pid !== null && state.pid === before.pid;
    // It is running for finit before crun has made the container.
    const isComplete = state.state !== 'running' || state.pid !== null;
    if (goals.includes(state.state) && isComplete && !isSame) return state;
    if (state.state === 'failed' || device.now() > deadline) {
      throw new CommandFailed(
        `Cannot ${verb} ${before.name}: it is ${state.state}. See \`keelctl logs ${before.name}\`.`,
      );
    }
    device.sleep(pollMs);
  }
}

function findState(device: Device, name: string): ServiceState {
  const state = readServiceStates(device, readEngine(device)).find((service) => service.name === name);
  if (state === undefined) throw new CommandFailed(`Cannot find the state of ${name}.`);
  return state;
}
