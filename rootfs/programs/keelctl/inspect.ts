import type { EngineService } from '../../../build/contract/engine-file.ts';
import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import { groupOf } from './cgroup.ts';
import { CommandFailed, type KeelctlCommand, printJson } from './command.ts';
import { findService, readEngine } from './engine.ts';
import { describeExit, readEvents } from './event-record.ts';
import { readServiceStates, type ServiceState } from './service-state.ts';
import { showBytes, showDuration, showTime } from './table.ts';

/** The parts of a `config.json` (OCI runtime specification) that are shown to people. */
interface OciConfig {
  readonly process: {
    readonly args: readonly string[];
    readonly cwd: string;
    readonly user: { readonly uid: number; readonly gid: number };
    readonly noNewPrivileges?: boolean;
    readonly apparmorProfile?: string;
    readonly capabilities?: { readonly permitted?: readonly string[] };
  };
  readonly root: { readonly readonly?: boolean };
  readonly mounts: readonly {
    readonly destination: string;
    readonly type?: string;
    readonly source?: string;
    readonly options?: readonly string[];
  }[];
  readonly linux: {
    readonly namespaces: readonly { readonly type: string }[];
    readonly seccomp?: { readonly defaultAction: string };
    readonly resources?: {
      readonly memory?: { readonly limit?: number };
      readonly pids?: { readonly limit?: number };
      readonly unified?: Readonly<Record<string, string>>;
    };
  };
}

export const inspect: KeelctlCommand = {
  usage: 'inspect SERVICE',
  summary:
    'show all about a service: what it may do, what it waits for, how it is; --json: its OCI configuration too',
  audience: 'people',
  operands: [1, 1],
  examples: ['inspect sshd', 'inspect --json time'],
  run(device, { operands: [name = ''], isJson }) {
    const engine = readEngine(device);
    const service = findService(engine, name);
    const bundle = `${machineLayout.services}/${name}`;
    const state = readServiceStates(device, engine).find((each) => each.name === name);
    const text = device.readFile(`${bundle}/config.json`);
    if (text === undefined || state === undefined) {
      throw new CommandFailed(`Cannot find the OCI bundle of ${name} at ${bundle}.`);
    }
    const config = JSON.parse(text) as OciConfig;
    const lastExit = readEvents(device).findLast((each) => each.service === name && each.event === 'exit');
    if (isJson) {
      printJson(device, {
        ...state,
        service,
        lastExitEvent: lastExit ?? null,
        bundle,
        cgroup: `/sys/fs/cgroup/${groupOf(name)}`,
        config,
      });
      return 0;
    }
    const shown: readonly (readonly [string, string])[] = [
      ['name', `${name}: ${service.description}`],
      ['state', describeState(state)],
      ...(lastExit === undefined
        ? []
        : [['last exit', `${showTime(lastExit.at)}, ${describeExit(lastExit)}`] as const]),
      ...describeService(service),
      ...describeConfig(device, config),
      ['bundle', bundle],
      ['cgroup', `/sys/fs/cgroup/${groupOf(name)}`],
    ];
    for (const [key, value] of shown) device.print(`${key.padEnd(14)}${value}`);
    return 0;
  },
};

function describeState(state: ServiceState): string {
  return [
    state.health === null ? state.state : `${state.state} (${state.health.status})`,
    ...(state.pid === null ? [] : [`process ${state.pid}`]),
    ...(state.uptimeSeconds === null ? [] : [`up ${showDuration(state.uptimeSeconds)}`]),
    `${state.restarts} restarts`,
    ...(state.memoryBytes === null ? [] : [showBytes(state.memoryBytes)]),
  ].join(', ');
}

function describeService(service: EngineService): readonly (readonly [string, string])[] {
  const { health } = service;
  return [
    ['kind', service.kind],
    ...(service.needs.length === 0 ? [] : [['needs', service.needs.join(', ')] as const]),
    ...(service.after.length === 0 ? [] : [['after', service.after.join(', ')] as const]),
    ['stop', `${service.stopSignal}, killed after ${service.stopTimeoutSeconds} s`],
    ...(health === undefined
      ? []
      : [['health check', `${health.command.join(' ')}, every ${health.intervalSeconds} s`] as const]),
    ...service.stateFolders.map(({ path }) => ['state folder', path] as const),
  ];
}

function describeConfig(
  device: Device,
  { process, root, mounts, linux }: OciConfig,
): readonly (readonly [string, string])[] {
  const capabilities = process.capabilities?.permitted ?? [];
  const last = Number(device.readFile('/proc/sys/kernel/cap_last_cap') ?? '40');
  const binds = mounts.filter(({ options }) => options?.some((each) => each === 'bind' || each === 'rbind'));
  const { memory, pids, unified } = linux.resources ?? {};
  return [
    ['command', process.args.join(' ')],
    ['user', `${process.user.uid}:${process.user.gid}`],
    ['capabilities', capabilities.length > last ? 'all' : capabilities.join(' ') || 'none'],
    ['privileges', process.noNewPrivileges === true ? 'no new ones' : 'new ones by set-user-ID programs'],
    ['seccomp', linux.seccomp === undefined ? 'unconfined' : 'filtered'],
    ['apparmor', process.apparmorProfile ?? 'unconfined'],
    ['namespaces', `own: ${linux.namespaces.map(({ type }) => type).join(', ')}`],
    ['root', root.readonly === true ? 'read-only' : 'writable'],
    ...binds.map(
      ({ source, destination, options }) =>
        [
          'mount',
          `${source} at ${destination}, ${options?.includes('rw') ? 'writable' : 'read-only'}`,
        ] as const,
    ),
    [
      'limits',
      [
        `memory ${memory?.limit === undefined ? 'none' : showBytes(memory.limit)}`,
        `processes ${pids?.limit ?? 'none'}`,
        ...Object.entries(unified ?? {}).map(([key, value]) => `${key} ${value}`),
      ].join(', '),
    ],
  ];
}
