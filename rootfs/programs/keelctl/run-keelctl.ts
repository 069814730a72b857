import type { Device } from '../device.ts';
import { CommandFailed, type ExitCode, type Invocation, type KeelctlCommand } from './command.ts';
import { restart, start, stop } from './control.ts';
import { exec } from './exec.ts';
import { watchHealth } from './health.ts';
import { logs } from './logs.ts';
import { nearestName } from './nearest-name.ts';
import { poweroff, reboot } from './power.ts';
import { prepareServices } from './prepare-services.ts';
import { ps } from './ps.ts';
import { release } from './release.ts';
import { status } from './status.ts';
import { stopEverything } from './stop-everything.ts';
import { update } from './update.ts';
import { workloads } from './workloads.ts';

const commands: Readonly<Record<string, KeelctlCommand>> = {
  ps,
  status,
  logs,
  exec,
  start,
  stop,
  restart,
  update,
  workloads,
  reboot,
  poweroff,
  'prepare-services': prepareServices,
  release,
  'stop-everything': stopEverything,
  'watch-health': watchHealth,
};

/** `keelctl COMMAND …`: finds the command, runs it, and turns failures into one line and an exit code. */
export function runKeelctl(device: Device): ExitCode {
  const [name, ...rest] = device.arguments;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    for (const line of makeHelp()) device.print(line);
    return name === undefined ? 2 : 0;
  }
  try {
    const command = findCommand(name);
    if (rest[0] === '--help' || rest[0] === '-h') {
      device.print(`keelctl ${command.usage}\n  ${command.summary}`);
      return 0;
    }
    return command.run(device, parseInvocation(name, command, rest));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    device.printError(`keelctl: ${error.message}`);
    return error instanceof CommandFailed ? error.exitCode : 1;
  }
}

function findCommand(name: string): KeelctlCommand {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command !== undefined) return command;
  const names = Object.keys(commands).filter((other) => commands[other]?.audience === 'people');
  const near = nearestName(name, names);
  throw new CommandFailed(
    `There is no command "${name}". ${near === undefined ? 'See `keelctl --help`.' : `Did you mean ${near}?`}`,
    2,
  );
}

function parseInvocation(name: string, command: KeelctlCommand, words: readonly string[]): Invocation {
  const operands: string[] = [];
  let isJson = false;
  let isFollowing = false;
  let lineCount = 200;
  const rest = [...words];
  // What follows the service of `exec` belongs to the program that it runs.
  const hasAllOptions = () => name === 'exec' && operands.length > 0;
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (hasAllOptions() || !word.startsWith('-')) operands.push(word);
    else if (word === '--json') isJson = true;
    else if (name === 'logs' && (word === '-f' || word === '--follow')) isFollowing = true;
    else if (name === 'logs' && (word === '-n' || word === '--lines')) lineCount = parseCount(rest.shift());
    else
      throw new CommandFailed(`There is no option ${word} here. It is used so: keelctl ${command.usage}`, 2);
  }
  const [least, most] = command.operands;
  if (operands.length < least || operands.length > most) {
    throw new CommandFailed(`It is used so: keelctl ${command.usage}`, 2);
  }
  return { operands, isJson, isFollowing, lineCount };
}

function parseCount(word: string | undefined): number {
  if (word === undefined || !/^[1-9]\d{0,6}$/.test(word)) {
    throw new CommandFailed('The option -n takes a number of lines, such as -n 50.', 2);
  }
  return Number(word);
}

function makeHelp(): readonly string[] {
  const shown = Object.values(commands).filter(({ audience }) => audience === 'people');
  const width = Math.max(...shown.map(({ usage }) => usage.length));
  return [
    'keelctl: the system services of this machine, each a container',
    '',
    ...shown.map(({ usage, summary }) => `  keelctl ${usage.padEnd(width)}  ${summary}`),
    '',
    'With --json the answer is JSON. Exit codes: 0 done, 1 it did not work, 2 wrong command line.',
    '',
    'Examples:',
    '  keelctl ps',
    '  keelctl logs -f sshd',
    '  keelctl exec network ip route',
    '  keelctl restart time',
    '  keelctl status --json',
  ];
}
