import type { EngineFile, EngineService } from '../../../build/contract/engine-file.ts';
import type { Device } from '../device.ts';
import type { LogLine } from '../shared/log-line.ts';
import { type KeelctlCommand, printJson, readLineCount } from './command.ts';
import { findService, readEngine } from './engine.ts';
import { describeExit, readEvents, type ServiceEvent } from './event-record.ts';
import { makeFilter, readLog, showLine } from './logs.ts';
import { readServiceStates, type ServiceState, type StateName } from './service-state.ts';
import { showTime } from './table.ts';

/** Something that a service waits for before its first start. */
interface Wait {
  readonly name: string;
  /** The key of `service.yaml`. */
  readonly key: 'needs' | 'after';
  readonly until: 'started' | 'settled' | 'healthy';
  readonly isOver: boolean;
  readonly state: StateName;
}

interface Answer {
  readonly name: string;
  readonly state: StateName;
  readonly sentences: readonly string[];
  readonly waits: readonly Wait[];
  readonly exits: readonly ServiceEvent[];
  readonly log: readonly LogLine[];
}

const shownExits = 5;

export const why: KeelctlCommand = {
  usage: 'why [-n LINES] SERVICE',
  summary: 'say why a service is as it is: what it waits for, its last exits, the last lines of its log',
  audience: 'people',
  operands: [1, 1],
  options: { lines: { short: '-n', value: 'LINES', summary: 'so many of the last lines of its log' } },
  examples: ['why sshd', 'why -n 50 update'],
  run(device, invocation) {
    const [name = ''] = invocation.operands;
    const engine = readEngine(device);
    findService(engine, name);
    const answer = explain(device, engine, name, readLineCount(invocation, 10));
    if (invocation.isJson) printJson(device, answer);
    else for (const line of showAnswer(answer)) device.print(line);
    return 0;
  },
};

function explain(device: Device, engine: EngineFile, name: string, lineCount: number): Answer {
  const states = new Map(readServiceStates(device, engine).map((state) => [state.name, state]));
  const own = states.get(name) as ServiceState;
  const events = readEvents(device);
  const exits = events.filter(({ service, event }) => service === name && event === 'exit');
  const waits = listWaits(device, findService(engine, name), states);
  return {
    name,
    state: own.state,
    sentences: [
      describeState(own, exits.at(-1)),
      ...(own.state === 'waiting' ? findCauses(device, engine, name, states, events) : []),
      ...(own.health?.status === 'unhealthy'
        ? [`Its health check fails: ${own.health.message ?? 'it says nothing'}.`]
        : []),
      ...findMemoryDeaths(device, name),
    ],
    waits,
    exits: exits.slice(-shownExits),
    log: readLog(device, makeFilter(name), lineCount),
  };
}

function describeState(
  { name, state, health, lastExit }: ServiceState,
  exit: ServiceEvent | undefined,
): string {
  const ending = exit === undefined ? describeLast(lastExit) : describeExit(exit);
  switch (state) {
    case 'running':
      return `${name} runs${health === null ? '' : ` and is ${health.status}`}.`;
    case 'starting':
      return `${name} is being started.`;
    case 'restarting':
      return `${name} has ended (${ending}) and is started again in a moment.`;
    case 'failed':
      return `${name} is given up: it ended too often (${ending}). \`keelctl start ${name}\` tries again.`;
    case 'stopping':
      return `${name} is being stopped.`;
    case 'stopped':
      return `${name} was stopped. \`keelctl start ${name}\` starts it.`;
    case 'done':
      return `${name} has ended well, and is not started again then. \`keelctl start ${name}\` does it once more.`;
    case 'standby':
      return `${name} is a console that nobody has chosen. \`keelctl console list\` shows them.`;
    case 'waiting':
      return `${name} waits, and has not been started.`;
  }
}

function describeLast(exit: ServiceState['lastExit']): string {
  if (exit === null) return 'exit code not known';
  return 'code' in exit ? `exit code ${exit.code}` : `signal ${exit.signal}`;
}

/** The conditions that the builder gave to finit (`build/services/finit-stanza.ts`): files that are made once in a boot. */
function listWaits(
  device: Device,
  { needs, needsHealthy = [], after }: EngineService,
  states: ReadonlyMap<string, ServiceState>,
): readonly Wait[] {
  const wait = (name: string, key: Wait['key'], until: Wait['until']): Wait => ({
    name,
    key,
    until,
    isOver: device.status(`/dev/${until}/${name}`) !== undefined,
    state: states.get(name)?.state ?? 'failed',
  });
  return [
    ...needs.map((name) => wait(name, 'needs', needsHealthy.includes(name) ? 'healthy' : 'started')),
    ...after
      .filter((name) => states.has(name) && !needs.includes(name))
      .map((name) => wait(name, 'after', 'settled')),
  ];
}

/** Down the chain of what is waited for, to those that do not wait themselves. */
function findCauses(
  device: Device,
  engine: EngineFile,
  name: string,
  states: ReadonlyMap<string, ServiceState>,
  events: readonly ServiceEvent[],
): readonly string[] {
  const causes = new Map<string, string>();
  const seen = new Set<string>();
  const visit = (current: string): void => {
    if (seen.has(current)) return;
    seen.add(current);
    const waits = listWaits(device, findService(engine, current), states).filter(({ isOver }) => !isOver);
    for (const wait of waits) {
      const state = states.get(wait.name);
      if (state === undefined) continue;
      if (state.state === 'waiting') visit(wait.name);
      else if (wait.until === 'healthy' && state.state === 'running') {
        causes.set(
          wait.name,
          `${wait.name} runs but was not healthy yet: ${state.health?.message ?? 'not checked yet'}.`,
        );
      } else {
        const exit = events.findLast((event) => event.service === wait.name && event.event === 'exit');
        causes.set(wait.name, describeState(state, exit));
      }
    }
  };
  visit(name);
  return [...causes.values()];
}

/** What the kernel says of a control group whose memory is used up. */
function findMemoryDeaths(device: Device, name: string): readonly string[] {
  const isDeath = ({ stream, message }: LogLine) =>
    stream === 'kernel' &&
    message.startsWith('oom-kill:') &&
    message.includes(`oom_memcg=/services/${name},`);
  return readLog(device, isDeath, 1).map(
    ({ time }) => `Its memory was used up at ${time.slice(0, 19)}Z, and the kernel killed a process of it.`,
  );
}

function showAnswer({ sentences, waits, exits, log }: Answer): readonly string[] {
  return [
    ...sentences,
    ...(waits.length === 0 ? [] : ['', 'It starts when']),
    ...waits.map(
      ({ name, until, key, isOver, state }) =>
        `  ${isOver ? 'yes' : 'no '}  ${name} ${conditions[until]} (${key}; it is ${state})`,
    ),
    ...(exits.length === 0 ? [] : ['', 'Last exits']),
    ...exits.map((exit) => `  ${showTime(exit.at)}  ${describeExit(exit)}`),
    ...(log.length === 0 ? [] : ['', 'Last lines of its log']),
    ...log.map((line) => `  ${showLine(line)}`),
  ];
}

const conditions = {
  started: 'has started',
  settled: 'has started or been given up',
  healthy: 'has been healthy',
} as const;
