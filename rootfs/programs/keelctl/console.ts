import type { EngineFile } from '../../../build/contract/engine-file.ts';
import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import {
  applyChoice,
  type ChosenBy,
  type Console,
  findChoice,
  findReady,
  isStarted,
  listConsoles,
  readWords,
} from '../shared/consoles.ts';
import { CommandFailed, type ExitCode, type Invocation, type KeelctlCommand, printJson } from './command.ts';
import { readEngine } from './engine.ts';
import { nearestName } from './nearest-name.ts';
import { readServiceStates } from './service-state.ts';
import { makeTable } from './table.ts';

const usage = 'console list | status | switch NAME | switch --default | reset NAME';

const pollMs = 500;
/** A whole system is unpacked once, which takes minutes on a slow machine. */
const patienceSeconds = 1800;

export const console: KeelctlCommand = {
  usage,
  summary: 'where sessions of root land: list the consoles, choose one, make one anew',
  audience: 'people',
  operands: [1, 2],
  options: {
    default: { summary: 'with `switch`: what user-data or the recipe says' },
  },
  examples: ['console list', 'console switch debian', 'console switch --default', 'console reset debian'],
  run(device, invocation) {
    const engine = readEngine(device);
    const [verb = '', name] = invocation.operands;
    const hasName = name !== undefined || (verb === 'switch' && invocation.options.has('default'));
    if ((verb === 'switch' || verb === 'reset') !== hasName) {
      throw new CommandFailed(`It is used so: keelctl ${usage}`, 2);
    }
    switch (verb) {
      case 'list':
        return list(device, engine, invocation);
      case 'status':
        return showStatus(device, engine, invocation);
      case 'switch':
        return switchTo(device, engine, name, invocation);
      case 'reset':
        return reset(device, findConsole(engine, name ?? ''), invocation);
      default:
        throw new CommandFailed(`There is no "console ${verb}". It is used so: keelctl ${usage}`, 2);
    }
  },
};

interface ConsoleState extends Console {
  readonly isChosen: boolean;
  readonly state: 'ready' | 'preparing' | 'faulty' | 'off';
  /** What it is at, or what is wrong with it. */
  readonly says: string | null;
}

function describe(device: Device, engine: EngineFile): readonly ConsoleState[] {
  const chosen = findChoice(device, engine)?.name;
  return listConsoles(engine).map((each) => ({
    ...each,
    isChosen: each.name === chosen,
    ...describeState(device, each),
  }));
}

function describeState(device: Device, each: Console): Pick<ConsoleState, 'state' | 'says'> {
  if (!isStarted(device, each)) return { state: 'off', says: null };
  const says = readWords(device, each.name, 'says') ?? null;
  if (findReady(device, each.name) !== undefined) return { state: 'ready', says };
  const fault = readWords(device, each.name, 'fault');
  return fault === undefined ? { state: 'preparing', says } : { state: 'faulty', says: fault };
}

function list(device: Device, engine: EngineFile, { isJson }: Invocation): ExitCode {
  const consoles = describe(device, engine);
  if (isJson) {
    printJson(device, consoles);
    return 0;
  }
  const rows = consoles.map(({ name, isChosen, state, service, description }) => [
    name,
    isChosen ? 'yes' : 'no',
    state,
    service,
    description,
  ]);
  for (const line of makeTable(['NAME', 'CHOSEN', 'STATE', 'SERVICE', 'DESCRIPTION'], rows))
    device.print(line);
  return 0;
}

/** Exit code 1 when sessions land elsewhere. */
function showStatus(device: Device, engine: EngineFile, { isJson }: Invocation): ExitCode {
  const choice = findChoice(device, engine);
  const found = describe(device, engine).find(({ isChosen }) => isChosen);
  const status = {
    console: choice?.name ?? null,
    by: choice?.by ?? null,
    state: found?.state ?? null,
    says: found?.says ?? null,
  };
  if (isJson) printJson(device, status);
  else if (choice === undefined || found === undefined) {
    device.print(
      'This machine has no console: sessions land in the container of the service that takes them.',
    );
  } else {
    device.print(`console  ${choice.name}, ${sayers[choice.by]}`);
    device.print(`state    ${found.state}${found.says === null ? '' : `: ${found.says}`}`);
    if (found.state !== 'ready')
      device.print('Until it is ready sessions land in the container of the service that takes them.');
  }
  return found === undefined || found.state === 'ready' ? 0 : 1;
}

const sayers = {
  person: 'chosen by `keelctl console switch`',
  'user-data': 'as user-data says',
  recipe: 'as the recipe says',
} as const satisfies Record<ChosenBy, string>;

function findConsole(engine: EngineFile, name: string): Console {
  const consoles = listConsoles(engine);
  const found = consoles.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = consoles.map((each) => each.name);
  const near = nearestName(name, names);
  const known = names.length === 0 ? 'This machine has none.' : `It has ${names.join(', ')}.`;
  throw new CommandFailed(
    `There is no console "${name}". ${near === undefined ? known : `Did you mean ${near}?`}`,
    2,
  );
}

function switchTo(
  device: Device,
  engine: EngineFile,
  name: string | undefined,
  invocation: Invocation,
): ExitCode {
  if (name === undefined) device.remove(machineLayout.consoleChoice);
  else {
    const { name: console } = findConsole(engine, name);
    device.writeFileDurably(machineLayout.consoleChoice, `${JSON.stringify({ console })}\n`);
  }
  const choice = findChoice(device, engine);
  if (choice === undefined) throw new CommandFailed('This machine has no console to switch to.');
  const chosen = findConsole(engine, choice.name);
  applyChoice(device, engine, choice.name);
  wake(device, engine, chosen);
  return waitUntilReady(
    device,
    chosen,
    invocation,
    `Sessions that begin from now on land in ${chosen.name}.`,
  );
}

/** One that a person stopped, that finit gave up, or that gave up by itself: it tries again. */
function wake(device: Device, engine: EngineFile, { name, service }: Console): void {
  const state = readServiceStates(device, engine).find((each) => each.name === service)?.state;
  const hasFault = readWords(device, name, 'fault') !== undefined;
  if (hasFault || state === 'stopped' || state === 'failed') restart(device, name, service);
}

/** What the console said before is no longer true. */
function restart(device: Device, name: string, service: string): void {
  for (const path of [name, `${name}.fault`, `${name}.says`])
    device.remove(`${machineLayout.consoles}/${path}`);
  device.run(['initctl', '--batch', 'restart', service]);
}

function reset(device: Device, found: Console, invocation: Invocation): ExitCode {
  if (found.start === 'boot') {
    throw new CommandFailed(
      `The console ${found.name} is as the version that runs has it; there is nothing to make anew.`,
    );
  }
  if (!isStarted(device, found)) {
    throw new CommandFailed(
      `The console ${found.name} does not run. Choose it first: keelctl console switch ${found.name}`,
    );
  }
  device.writeFile(`${machineLayout.consoles}/${found.name}.reset`, '');
  restart(device, found.name, found.service);
  return waitUntilReady(device, found, invocation, `The console ${found.name} is ready.`);
}

function waitUntilReady(
  device: Device,
  { name, service }: Console,
  { isJson }: Invocation,
  done: string,
): ExitCode {
  const deadline = device.now() + patienceSeconds * 1000;
  let told: string | undefined;
  while (findReady(device, name) === undefined) {
    const fault = readWords(device, name, 'fault');
    if (fault !== undefined || device.now() > deadline) {
      throw new CommandFailed(
        `The console ${name} cannot be entered: ${fault ?? 'it takes too long'}. See \`keelctl logs ${service}\`; until it is ready, sessions land where they did.`,
      );
    }
    const says = readWords(device, name, 'says');
    if (says !== undefined && says !== told && !isJson) device.print(`${name}: ${says}`);
    told = says;
    device.sleep(pollMs);
  }
  if (isJson) printJson(device, { console: name, state: 'ready' });
  else device.print(done);
  return 0;
}
