import type { EngineFile } from '../../../build/contract/engine-file.ts';
import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import { type KeelctlCommand, printJson } from './command.ts';
import { readEngine } from './engine.ts';
import { type CheckResult, checkHealth } from './health.ts';
import { makeServiceTable } from './ps.ts';
import { readServiceStates, type ServiceState } from './service-state.ts';
import { showDuration } from './table.ts';

export interface ServiceHealth extends CheckResult {
  readonly name: string;
}

/** A file that another program wrote at this boot, as it is. */
type Facts = Readonly<Record<string, unknown>>;

export const status: KeelctlCommand = {
  usage: 'status',
  summary: 'show the machine, its services and their health; exit code 1 when something is wrong',
  audience: 'people',
  operands: [0, 0],
  run(device, { isJson }) {
    const engine = readEngine(device);
    const services = readServiceStates(device, engine);
    const health = checkServices(device, engine, services);
    const isWell =
      services.every(({ state }) => !['failed', 'restarting'].includes(state)) &&
      health.every((check) => check.isHealthy);
    const report = {
      isWell,
      machine: describeMachine(device, engine),
      boot: readFacts(device, machineLayout.bootFile),
      state: readFacts(device, machineLayout.stateFile),
      provisioning: readFacts(device, machineLayout.provisionFile),
      services,
      health,
    };
    if (isJson) printJson(device, report);
    else for (const line of showReport(report)) device.print(line);
    return isWell ? 0 : 1;
  },
};

function describeMachine(device: Device, engine: EngineFile) {
  return {
    hostname: device.readFile('/proc/sys/kernel/hostname')?.trim() ?? engine.hostname,
    recipe: engine.recipe,
    version: engine.version,
    uptimeSeconds: Number.parseFloat(device.readFile('/proc/uptime') ?? '0'),
  };
}

/** Now, and only of services that run: the others show by their state. */
function checkServices(
  device: Device,
  engine: EngineFile,
  services: readonly ServiceState[],
): readonly ServiceHealth[] {
  const running = new Set(services.filter(({ state }) => state === 'running').map(({ name }) => name));
  return engine.services.flatMap(({ name, health }): readonly ServiceHealth[] =>
    health === undefined || !running.has(name) ? [] : [{ name, ...checkHealth(device, name, health) }],
  );
}

function readFacts(device: Device, path: string): Facts | null {
  const text = device.readFile(path);
  if (text === undefined) return null;
  try {
    return JSON.parse(text) as Facts;
  } catch {
    return { fault: `${path} is not JSON` };
  }
}

interface Report {
  readonly isWell: boolean;
  readonly machine: ReturnType<typeof describeMachine>;
  readonly boot: Facts | null;
  readonly state: Facts | null;
  readonly provisioning: Facts | null;
  readonly services: readonly ServiceState[];
  readonly health: readonly ServiceHealth[];
}

function showReport({
  isWell,
  machine,
  boot,
  state,
  provisioning,
  services,
  health,
}: Report): readonly string[] {
  const faults = listOf(provisioning?.faults).map(showFault);
  const unhealthy = health.filter((check) => !check.isHealthy);
  return [
    `machine       ${machine.hostname}, up ${showDuration(machine.uptimeSeconds)}`,
    `version       ${machine.recipe} ${machine.version}`,
    `slot          ${boot === null ? 'unknown' : `${boot.slot} on ${boot.device}`}`,
    `root hash     ${boot?.rootHash ?? 'unknown'}`,
    ...listOf(boot?.refused).map((refused) => `refused       ${JSON.stringify(refused)}`),
    `state         ${showState(state)}`,
    `provisioning  ${showSource(provisioning)}`,
    ...faults.map((fault) => `              ${fault}`),
    '',
    ...makeServiceTable(services),
    '',
    ...unhealthy.map(({ name, message }) => `${name} is not healthy: ${message}`),
    isWell ? 'All is well.' : 'Something is wrong: see above, and `keelctl logs SERVICE`.',
  ];
}

function showState(state: Facts | null): string {
  if (state === null) return 'did not run';
  return state.kind === 'disk' ? `on ${state.device}` : `in memory only: ${state.reason}`;
}

function showSource(provisioning: Facts | null): string {
  if (provisioning === null) return 'did not run';
  const { kind, from } = (provisioning.source ?? {}) as Facts;
  if (kind === 'volume') return `from ${from}`;
  return kind === 'copy' ? 'from the copy of an earlier boot' : 'no source';
}

/** A fault is a sentence, or has one and says where. */
function showFault(fault: unknown): string {
  if (typeof fault !== 'object' || fault === null) return String(fault);
  const { message, line, column } = fault as Facts;
  const place =
    line === undefined ? '' : ` (line ${line}${column === undefined ? '' : `, column ${column}`})`;
  return `${message ?? JSON.stringify(fault)}${place}`;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
