import type { EngineFile, EngineService } from '../../../build/contract/engine-file.ts';
import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import { runInContainer } from '../shared/run-in-container.ts';
import type { KeelctlCommand } from './command.ts';
import { findContainerPid, readEngine } from './engine.ts';
import { appendEvent } from './event-record.ts';

/** What one run of a check found. */
export interface CheckResult {
  readonly isHealthy: boolean;
  /** What the check said, when it is not. */
  readonly message?: string;
}

/** `/run/keelson/health/<name>`: what the checks of a running service have come to; the words are Docker's. */
export interface HealthState {
  /** `starting`: no check has ended well since the service was started, and they have not failed too often. */
  readonly status: 'starting' | 'healthy' | 'unhealthy';
  /** Checks in a row that failed. */
  readonly failures: number;
  /** What the last check said, when it failed. */
  readonly message?: string;
}

type HealthCheck = NonNullable<EngineService['health']>;

/** Called by finit, once for the whole machine and only where a service has a check: finit itself knows no such thing. */
export const watchHealth: KeelctlCommand = {
  usage: 'watch-health',
  summary: 'check services again and again, for ps and for those that wait for their health',
  audience: 'internal',
  operands: [0, 0],
  run(device) {
    device.makeFolder(healthFolder);
    const round = makeHealthRounds(device, readEngine(device));
    for (;;) device.sleep(Math.max(round() - device.now(), pollMs));
  },
};

const healthFolder = `${machineLayout.runtime}/health`;
const pollMs = 500;

interface Watched {
  readonly name: string;
  readonly check: HealthCheck;
  dueAt: number;
  /** Of the container that `state` is about; `undefined` when there is none. */
  pid: number | undefined;
  startedAt: number;
  state: HealthState;
}

const beginning: HealthState = { status: 'starting', failures: 0 };

/**
 * Each call checks the services whose time has come, one after the other, and gives the time of the next check
 * (milliseconds since the epoch). While a service is starting it is checked every `startIntervalSeconds`.
 */
export function makeHealthRounds(device: Device, engine: EngineFile): () => number {
  const all = engine.services.flatMap(({ name, health }): readonly Watched[] =>
    health === undefined
      ? []
      : [{ name, check: health, dueAt: device.now(), pid: undefined, startedAt: 0, state: beginning }],
  );
  return () => {
    for (const watched of all.filter(({ dueAt }) => dueAt <= device.now())) {
      look(device, watched);
      const { check, state } = watched;
      const seconds = state.status === 'starting' ? check.startIntervalSeconds : check.intervalSeconds;
      watched.dueAt = device.now() + seconds * 1000;
    }
    return Math.min(...all.map(({ dueAt }) => dueAt));
  };
}

function look(device: Device, watched: Watched): void {
  const { name, check } = watched;
  const pid = findContainerPid(device, name);
  if (pid !== watched.pid) {
    watched.pid = pid;
    watched.startedAt = device.now();
    watched.state = beginning;
  }
  if (pid === undefined) {
    device.remove(`${healthFolder}/${name}`);
    return;
  }
  const before = watched.state.status;
  const isYoung = device.now() - watched.startedAt < check.startPeriodSeconds * 1000;
  watched.state = judge(watched.state, checkHealth(device, name, check), check.retries, isYoung);
  const { status, message } = watched.state;
  device.writeFile(`${healthFolder}/${name}`, `${JSON.stringify(watched.state)}\n`);
  if (status === before || status === 'starting') return;
  appendEvent(device, { service: name, event: status, ...(message === undefined ? {} : { message }) });
  // finit's condition of those that wait for it; like the others it is never taken back.
  if (status === 'healthy') device.writeFile(`/dev/healthy/${name}`, '');
}

/** Failures while a service is young, and has not been healthy yet, do not count. */
function judge(before: HealthState, result: CheckResult, retries: number, isYoung: boolean): HealthState {
  if (result.isHealthy) return { status: 'healthy', failures: 0 };
  const failures = isYoung && before.status === 'starting' ? 0 : before.failures + 1;
  return {
    status: failures >= retries ? 'unhealthy' : before.status,
    failures,
    ...(result.message === undefined ? {} : { message: result.message }),
  };
}

/** Of a running service. `null`: it has no check. */
export function readHealth(device: Device, { name, health }: EngineService): HealthState | null {
  if (health === undefined) return null;
  const text = device.readFile(`${healthFolder}/${name}`);
  try {
    return text === undefined ? beginning : (JSON.parse(text) as HealthState);
  } catch {
    // Just being written.
    return beginning;
  }
}

export function checkHealth(
  device: Device,
  name: string,
  health: Pick<HealthCheck, 'command' | 'timeoutSeconds'>,
): CheckResult {
  const { fault } = runInContainer(device, name, health.command, health.timeoutSeconds);
  return fault === undefined ? { isHealthy: true } : { isHealthy: false, message: fault };
}
