import type { EngineFile, EngineService } from '../../../build/contract/engine-file.ts';
import type { LogLine } from '../shared/log-line.ts';
import { type FakeCommand, type FakeDevice, makeFakeDevice } from '../testing/fake-device.ts';
import { runKeelctl } from './run-keelctl.ts';

export function service(name: string, changes: Partial<EngineService> = {}): EngineService {
  return {
    name,
    description: `About ${name}`,
    kind: 'long-running',
    needs: [],
    after: [],
    stopSignal: 'SIGTERM',
    stopTimeoutSeconds: 10,
    memoryReserveBytes: 8 * 1024 * 1024,
    stateFolders: [],
    ...changes,
  };
}

export const sshdHealth = {
  command: ['/usr/bin/true'],
  intervalSeconds: 30,
  timeoutSeconds: 5,
  retries: 3,
  startPeriodSeconds: 0,
  startIntervalSeconds: 2,
} as const;

export const engine: EngineFile = {
  format: 1,
  recipe: 'demo',
  version: '2026.11.0',
  builtAt: 1_760_000_000,
  hostname: 'demo',
  users: [],
  disk: { headRoom: 2 },
  hasLog: true,
  services: [
    service('log'),
    service('network', { after: ['log'] }),
    service('sshd', { after: ['log'], needs: ['network'], health: sshdHealth }),
    service('set-up', { kind: 'one-shot' }),
  ],
};

export interface Situation {
  readonly states?: Readonly<Record<string, object>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly commands?: readonly FakeCommand[];
}

/** `keelctl` with this command line; all services run, unless the situation says something else. */
export function run(line: string, situation: Situation = {}): FakeDevice & { readonly exitCode: number } {
  const device = makeMachine(line, situation);
  return Object.assign(device, { exitCode: runKeelctl(device) });
}

/** What finit says of each service. */
export function finitStatuses(states: Situation['states'] = {}): readonly object[] {
  return engine.services.map(({ name }, index) => ({
    identity: name,
    status: name === 'set-up' ? 'stopped' : 'running',
    pid: 100 + index,
    uptime: 65 + index,
    restarts: 0,
    ...(name === 'set-up' ? { exit: { signal: 15 } } : {}),
    ...states[name],
  }));
}

export function makeMachine(line: string, situation: Situation = {}): FakeDevice {
  const statuses = finitStatuses(situation.states);
  const containers = ['log', 'network', 'sshd'].flatMap((name, index) => [
    [`/run/crun/${name}/status`, JSON.stringify({ pid: 200 + index })],
    [`/proc/${200 + index}/stat`, `${200 + index} (${name}) S 1`],
    [`/sys/fs/cgroup/services/${name}/memory.current`, String((index + 1) * 1024 * 1024)],
  ]);
  return makeFakeDevice({
    arguments: line.split(' ').filter((word) => word !== ''),
    files: {
      '/usr/lib/keelson/engine.json': JSON.stringify(engine),
      '/proc/uptime': '3725.10 100.00',
      '/proc/sys/kernel/random/boot_id': 'this-boot\n',
      '/run/keelson/done/set-up': '',
      ...Object.fromEntries(containers),
      ...situation.files,
    },
    commands: [
      ...(situation.commands ?? []),
      ([program, ...rest]) =>
        program === 'initctl' && rest.at(-1) === 'status' ? { stdout: JSON.stringify(statuses) } : undefined,
    ],
  });
}

/** A file of the log. */
export function logFile(lines: readonly Partial<LogLine>[]): string {
  const whole: LogLine = {
    seq: 1,
    time: '2026-11-21T08:50:31.250Z',
    service: 'sshd',
    stream: 'stderr',
    message: '',
  };
  return lines.map((line) => `${JSON.stringify({ ...whole, ...line })}\n`).join('');
}

/** A file of the record of events. */
export function eventFile(events: readonly object[]): string {
  return events
    .map((event) => `${JSON.stringify({ at: 1_763_715_031.5, uptime: 9.5, boot: 'this-boot', ...event })}\n`)
    .join('');
}
