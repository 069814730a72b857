import type { EngineFile, EngineService } from '../../../build/contract/engine-file.ts';
import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import { runInContainer } from '../shared/run-in-container.ts';
import type { KeelctlCommand } from './command.ts';
import { findContainerPid, readEngine } from './engine.ts';

/** `/run/keelson/health/<name>`: what the last check of a running service found. */
export interface HealthFile {
  readonly isHealthy: boolean;
  /** What the check said, when it is not. */
  readonly message?: string;
}

type HealthCheck = NonNullable<EngineService['health']>;

/** Called by finit, once for the whole machine and only where a service has a check: finit itself knows no such thing. */
export const watchHealth: KeelctlCommand = {
  usage: 'watch-health',
  summary: 'check services again and again, for ps',
  audience: 'internal',
  operands: [0, 0],
  run(device) {
    device.makeFolder(healthFolder);
    const round = makeHealthRounds(device, readEngine(device));
    for (;;) device.sleep(Math.max(round() - device.now(), pollMs));
  },
};

const healthFolder = `${machineLayout.runtime}/health`;
const pollMs = 1000;

/**
 * Each call checks the services whose time has come, one after the other, and gives the time of the next check
 * (milliseconds since the epoch). A service is first checked one interval after it was seen.
 */
export function makeHealthRounds(device: Device, engine: EngineFile): () => number {
  const checks = engine.services.flatMap(({ name, health }) =>
    health === undefined ? [] : [{ name, health, dueAt: device.now() + health.intervalSeconds * 1000 }],
  );
  return () => {
    for (const check of checks.filter(({ dueAt }) => dueAt <= device.now())) {
      const { name, health } = check;
      const path = `${healthFolder}/${name}`;
      if (findContainerPid(device, name) === undefined) device.remove(path);
      else device.writeFile(path, `${JSON.stringify(checkHealth(device, name, health))}\n`);
      check.dueAt = device.now() + health.intervalSeconds * 1000;
    }
    return Math.min(...checks.map(({ dueAt }) => dueAt));
  };
}

/** `null`: not checked yet, or the service has no check. */
export function readHealth(device: Device, name: string): HealthFile | null {
  const text = device.readFile(`${healthFolder}/${name}`);
  if (text === undefined) return null;
  try {
    return JSON.parse(text) as HealthFile;
  } catch {
    // Just being written.
    return null;
  }
}

export function checkHealth(device: Device, name: string, health: HealthCheck): HealthFile {
  const { fault } = runInContainer(device, name, health.command, health.timeoutSeconds);
  return fault === undefined ? { isHealthy: true } : { isHealthy: false, message: fault };
}
