import type { EngineFile } from '../../../build/contract/engine-file.ts';
import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { WorkloadName } from '../../../build/contract/workload.ts';
import type { Device } from '../device.ts';
import { readEngineFile } from '../shared/read-engine-file.ts';
import { runInContainer } from '../shared/run-in-container.ts';
import { type Baseline, isStateOnDisk, readBaseline, updatePaths } from '../shared/update/update-record.ts';
import { complain, listWorkloads } from '../shared/workloads.ts';

/** What one look found. No reasons: all is well. */
export interface HealthLook {
  /** Sentences; the same fault has the same words in each look. */
  readonly reasons: readonly string[];
  /** It will not become better by waiting. */
  readonly isHopeless: boolean;
  /** Changes when a service was started again in between. */
  readonly fingerprint: string;
}

/** Checks of the owner, by recipe and by user-data: programs that end with code 0 when all is well. */
const checkFolders = ['/etc/keelson/health.d', '/run/keelson/files/health.d'];
const checkSeconds = 30;

interface ServiceReport {
  readonly name: string;
  readonly state: string;
  readonly restarts: number;
  readonly lastExit: { readonly code: number } | { readonly signal: number } | null;
}

interface StatusReport {
  readonly services: readonly ServiceReport[];
  readonly health: readonly {
    readonly name: string;
    readonly isHealthy: boolean;
    readonly message?: string;
  }[];
}

/** `standby`: a console that nobody has chosen. */
const wellStates: readonly string[] = ['running', 'done', 'standby'];

export function lookAtHealth(device: Device, before: Baseline | undefined): HealthLook {
  const status = readStatus(device);
  if (status === undefined) {
    return { reasons: ['the services cannot be asked how they are'], isHopeless: false, fingerprint: '' };
  }
  const unwell = status.services.filter(({ state }) => !wellStates.includes(state));
  const engine = readEngineFile(device);
  const containers = lookAtContainers(device, engine, before?.workloads ?? []);
  const reasons = [
    ...unwell.map(describeService),
    ...describeUnhealthy(status),
    ...lookAtMachine(device, before),
    ...(unwell.length > 0
      ? []
      : [...lookAtWays(device, engine), ...containers.reasons, ...runChecks(device)]),
  ];
  return {
    reasons,
    isHopeless: unwell.some(({ state }) => state === 'failed'),
    fingerprint: [describeStarts(status), ...containers.starts].join('\n'),
  };
}

/** Only whether the services run and say that they are healthy. */
export function lookAtServices(device: Device): HealthLook {
  const status = readStatus(device);
  if (status === undefined) {
    return { reasons: ['the services cannot be asked how they are'], isHopeless: false, fingerprint: '' };
  }
  const unwell = status.services.filter(({ state }) => !wellStates.includes(state));
  return {
    reasons: [...unwell.map(describeService), ...describeUnhealthy(status)],
    isHopeless: unwell.some(({ state }) => state === 'failed'),
    fingerprint: describeStarts(status),
  };
}

function describeStarts({ services }: StatusReport): string {
  return services.map(({ name, restarts }) => `${name} ${restarts}`).join('\n');
}

function readStatus(device: Device): StatusReport | undefined {
  try {
    return JSON.parse(device.run(['keelctl', 'status', '--json']).stdout) as StatusReport;
  } catch {
    return undefined;
  }
}

function describeService({ name, state, lastExit }: ServiceReport): string {
  // finit forgets the code of a service that it has given up.
  const isKnown = lastExit !== null && !('code' in lastExit && lastExit.code === 0);
  const exit = isKnown
    ? ` (${'code' in lastExit ? `exit code ${lastExit.code}` : `signal ${lastExit.signal}`})`
    : '';
  return `service ${name} is ${state}${exit}`;
}

function describeUnhealthy({ health }: StatusReport): readonly string[] {
  return health
    .filter(({ isHealthy }) => !isHealthy)
    .map(({ name, message }) => `service ${name} is not healthy: ${message ?? 'no reason given'}`);
}

function lookAtMachine(device: Device, before: Baseline | undefined): readonly string[] {
  const after = readBaseline(device);
  return [
    ...(before?.hasNetwork === true && !after.hasNetwork
      ? ['the network has no default route, and had one before']
      : []),
    ...(before?.isStateOnDisk === true && !after.isStateOnDisk
      ? ['the state partition could not be used, and was before']
      : []),
    ...(isStateOnDisk(device) && before?.isStateFull !== true && !isStateWritable(device)
      ? ['the state partition cannot be written to']
      : []),
  ];
}

/** Without one of them nobody could replace a bad version from afar. */
function lookAtWays(device: Device, { services }: EngineFile): readonly string[] {
  const faults: string[] = [];
  for (const { name, lifeline } of services) {
    if (lifeline === undefined) continue;
    const { fault } = runInContainer(device, name, lifeline.command, checkSeconds);
    if (fault === undefined) return [];
    faults.push(`${name}: ${fault}`);
  }
  return faults.length === 0 ? [] : [`this machine could not be reached or updated: ${faults.join(', ')}`];
}

/** Those that were well before the update. */
function lookAtContainers(
  device: Device,
  engine: EngineFile,
  demanded: readonly WorkloadName[],
): { readonly reasons: readonly string[]; readonly starts: readonly string[] } {
  if (demanded.length === 0) return { reasons: [], starts: [] };
  const listings = listWorkloads(device, engine);
  const isDemanded = (engineName: string, name: string) =>
    demanded.some((each) => each.engine === engineName && each.name === name);
  return {
    reasons: complain(demanded, listings),
    starts: listings.flatMap(({ engine: engineName, workloads }) =>
      workloads
        .filter(({ name }) => isDemanded(engineName, name))
        .map(({ name, startedAt }) => `${name} ${startedAt ?? ''}`),
    ),
  };
}

function isStateWritable(device: Device): boolean {
  const probe = `${updatePaths.folder}/probe`;
  try {
    device.makeFolder(updatePaths.folder, 0o700);
    device.writeFileDurably(probe, 'can be written\n');
    device.remove(probe);
    return true;
  } catch {
    return false;
  }
}

function runChecks(device: Device): readonly string[] {
  return checkFolders.flatMap((folder) =>
    device.list(folder).flatMap((name) => {
      const { exitCode, stdout, stderr } = device.run(['timeout', String(checkSeconds), `${folder}/${name}`]);
      if (exitCode === 0) return [];
      const isLate = exitCode === 143 || exitCode === 124;
      const words = `${stdout}\n${stderr}`.trim().split('\n')[0]?.slice(0, 200);
      return [
        `check ${name}: ${isLate ? `no answer in ${checkSeconds} s` : words || `exit code ${exitCode}`}`,
      ];
    }),
  );
}

export function writeNotice(device: Device, text: string): void {
  device.makeFolder(machineLayout.runtime);
  device.writeFile(updatePaths.notice, `${text}\n`);
}
