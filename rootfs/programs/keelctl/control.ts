import type { EngineService } from '../../../build/contract/engine-file.ts';
import type { Device } from '../device.ts';
import { CommandFailed, type KeelctlCommand, printJson } from './command.ts';
import { findService, readEngine } from './engine.ts';
import { doneFile, readServiceStates, type ServiceState } from './service-state.ts';

type Verb = 'start' | 'stop' | 'restart';

const summaries = {
  start: 'start a service, also one that has failed or is done',
  stop: 'stop a service until it is started again, or the machine is',
  restart: 'stop a service and start it again',
} as const satisfies Record<Verb, string>;

/** More than finit takes to start a container on a busy machine. */
const patienceSeconds = 15;
const pollMs = 200;
/** A program that cannot work mostly ends at once: only what still runs after that has been started. */
const trialMs = 1500;

export const start = makeControl('start');
export const stop = makeControl('stop');
export const restart = makeControl('restart');

function makeControl(verb: Verb): KeelctlCommand {
  return {
    usage: `${verb} SERVICE`,
    summary: summaries[verb],
    audience: 'people',
    operands: [1, 1],
    run(device, { operands: [name = ''], isJson }) {
      const service = findService(readEngine(device), name);
      const before = findState(device, name);
      if (verb !== 'stop') device.remove(doneFile(name));
      const outcome = device.run(['initctl', '--batch', verb, name]);
      if (outcome.exitCode !== 0) {
        throw new CommandFailed(
          `Cannot ${verb} ${name}: ${outcome.stderr.trim() || `initctl ended with ${outcome.exitCode}`}`,
        );
      }
      const seconds = patienceSeconds + service.stopTimeoutSeconds;
      const state = waitFor(device, verb, service, before, seconds);
      if (isJson) printJson(device, state);
      else device.print(`${name} is ${state.state}`);
      return 0;
    },
  };
}

function waitFor(
  device: Device,
  verb: Verb,
  service: EngineService,
  before: ServiceState,
  seconds: number,
): ServiceState {
  const deadline = device.now() + seconds * 1000;
  const hasReached = verb === 'stop' ? isStopped : makeStartWatch(device, verb, service, before, deadline);
  for (;;) {
    const state = findState(device, before.name);
    if (hasReached(state)) return state;
    const isGivenUp = verb !== 'stop' && (state.state === 'failed' || state.state === 'restarting');
    if (isGivenUp || device.now() > deadline) {
      throw new CommandFailed(
        `Cannot ${verb} ${before.name}: it is ${state.state}. See \`keelctl logs ${before.name}\`.`,
      );
    }
    device.sleep(pollMs);
  }
}

function isStopped({ state }: ServiceState): boolean {
  return state === 'stopped' || state === 'done';
}

/** Whether a service has been started, as seen one moment after the other. */
function makeStartWatch(
  device: Device,
  verb: Verb,
  service: EngineService,
  before: ServiceState,
  deadline: number,
): (now: ServiceState) => boolean {
  let seenSince: { readonly pid: number; readonly at: number } | undefined;
  return ({ state, pid }) => {
    if (state === 'done' || state === 'waiting' || state === 'standby') return true;
    // It is running for finit before crun has made the container.
    if (state !== 'running' || pid === null) {
      seenSince = undefined;
      return false;
    }
    // Started long ago; or, with restart, the container that has not ended yet.
    if (pid === before.pid) return verb === 'start';
    if (seenSince?.pid !== pid) seenSince = { pid, at: device.now() };
    // A one-shot has a minute's work, or an hour's: one that is still at it when patience ends is well.
    if (service.kind === 'one-shot') return device.now() > deadline - pollMs;
    return device.now() - seenSince.at >= trialMs;
  };
}

function findState(device: Device, name: string): ServiceState {
  const state = readServiceStates(device, readEngine(device)).find((service) => service.name === name);
  if (state === undefined) throw new CommandFailed(`Cannot find the state of ${name}.`);
  return state;
}
