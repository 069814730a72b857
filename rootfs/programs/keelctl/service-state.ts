import type { EngineFile, EngineService } from '../../../build/contract/engine-file.ts';
import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import { CommandFailed } from './command.ts';
import { findContainerPid } from './engine.ts';
import { type HealthState, readHealth } from './health.ts';

export type StateName =
  | 'running'
  | 'starting'
  /** It ended, and finit waits before it starts it again. */
  | 'restarting'
  /** Given up after too many restarts; or not to be restarted, and ended badly. */
  | 'failed'
  | 'stopping'
  /** By a person. */
  | 'stopped'
  /** For other services. */
  | 'waiting'
  /** A console that nobody has chosen. */
  | 'standby'
  /** It ended well, and is not restarted then: one-shots, and services that are restarted on failure only. */
  | 'done';

/** One service as `ps` shows it. */
export interface ServiceState {
  readonly name: string;
  readonly description: string;
  readonly state: StateName;
  /** The container's first process, as the machine counts. */
  readonly pid: number | null;
  readonly uptimeSeconds: number | null;
  readonly restarts: number;
  readonly memoryBytes: number | null;
  /** What its periodic checks have come to; `null` when it has none, or does not run. */
  readonly health: HealthState | null;
  /** How it ended last, when it does not run: an exit code, or the number of a signal. */
  readonly lastExit: { readonly code: number } | { readonly signal: number } | null;
}

/** What `initctl --json status` says of each (finit 4.12, src/initctl.c, json_status_one). */
interface FinitStatus {
  readonly identity: string;
  readonly status: string;
  readonly pid: number;
  readonly uptime: number;
  readonly restarts: number;
  readonly exit?: { readonly code: number } | { readonly signal: number };
}

/** All services, in start order. */
export function readServiceStates(device: Device, engine: EngineFile): readonly ServiceState[] {
  let byName = askFinit(device);
  // finit is asked for one service after the other, and one that changes meanwhile can be left out: it is asked once more.
  if (engine.services.some(({ name }) => !byName.has(name)))
    byName = new Map([...byName, ...askFinit(device)]);
  return engine.services.map((service) => combine(device, service, byName.get(service.name)));
}

function askFinit(device: Device): ReadonlyMap<string, FinitStatus> {
  const outcome = device.run(['initctl', '--batch', '--json', 'status']);
  if (outcome.exitCode !== 0 || !outcome.stdout.trim().startsWith('[')) {
    throw new CommandFailed(
      `Cannot ask finit for the state of the services: ${outcome.stderr.trim() || 'no answer'}`,
    );
  }
  const statuses = JSON.parse(outcome.stdout) as readonly FinitStatus[];
  return new Map(statuses.map((status) => [status.identity, status]));
}

function combine(device: Device, service: EngineService, status: FinitStatus | undefined): ServiceState {
  const state = nameState(device, service, status);
  const isRunning = state === 'running';
  return {
    name: service.name,
    description: service.description,
    state,
    pid: isRunning ? (findContainerPid(device, service.name) ?? null) : null,
    uptimeSeconds: isRunning ? (status?.uptime ?? null) : null,
    restarts: status?.restarts ?? 0,
    memoryBytes: isRunning ? readMemory(device, service.name) : null,
    health: isRunning ? readHealth(device, service) : null,
    // finit saw how run-service ended, which for this state is no news of the service.
    lastExit: isRunning ? null : state === 'done' ? { code: 0 } : (status?.exit ?? null),
  };
}

/** finit's words (src/svc.c, svc_status) in ours. */
function nameState(device: Device, service: EngineService, status: FinitStatus | undefined): StateName {
  // finit always leaves out what it could not read, and that never runs.
  if (status === undefined) return 'failed';
  const known: Readonly<Record<string, StateName>> = {
    running: 'running',
    setup: 'starting',
    starting: 'starting',
    restart: 'restarting',
    crashed: 'failed',
    missing: 'failed',
    stopping: 'stopping',
    teardown: 'stopping',
    cleanup: 'stopping',
    stopped: 'stopped',
    halted: 'stopped',
  };
  const state = known[status.status] ?? 'waiting';
  if (state === 'waiting' && isUnchosenConsole(device, service)) return 'standby';
  const isDone = state === 'stopped' && device.status(doneFile(service.name)) !== undefined;
  return isDone ? 'done' : state;
}

function isUnchosenConsole(device: Device, { name, console }: EngineService): boolean {
  return (
    console?.start === 'chosen' && device.status(`${machineLayout.chosenConsoles}/${name}`) === undefined
  );
}

/** Made by run-service when a service has ended well and is not restarted then. */
export function doneFile(serviceName: string): string {
  return `${machineLayout.runtime}/done/${serviceName}`;
}

function readMemory(device: Device, serviceName: string): number | null {
  const text = device.readFile(`/sys/fs/cgroup/services/${serviceName}/memory.current`);
  return text === undefined ? null : Number(text);
}
