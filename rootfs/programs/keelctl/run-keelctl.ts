import type { Device } from '../device.ts';
import { boot } from './boot.ts';
import { CommandFailed, type ExitCode, type KeelctlCommand } from './command.ts';
import { console } from './console.ts';
import { restart, start, stop } from './control.ts';
import { events } from './events.ts';
import { exec } from './exec.ts';
import { watchHealth } from './health.ts';
import { makeCommandHelp, makeHelp } from './help.ts';
import { inspect } from './inspect.ts';
import { logs } from './logs.ts';
import { nearestName } from './nearest-name.ts';
import { parseInvocation } from './parse-invocation.ts';
import { poweroff, reboot } from './power.ts';
import { prepareServices } from './prepare-services.ts';
import { ps } from './ps.ts';
import { release } from './release.ts';
import { shell } from './shell.ts';
import { status } from './status.ts';
import { stopEverything } from './stop-everything.ts';
import { top } from './top.ts';
import { update } from './update.ts';
import { why } from './why.ts';
import { workloads } from './workloads.ts';

const commands: Readonly<Record<string, KeelctlCommand>> = {
  ps,
  top,
  status,
  inspect,
  why,
  logs,
  events,
  boot,
  exec,
  shell,
  start,
  stop,
  restart,
  console,
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
    for (const line of makeHelp(Object.values(commands))) device.print(line);
    return name === undefined ? 2 : 0;
  }
  try {
    const command = findCommand(name);
    if (rest[0] === '--help' || rest[0] === '-h') {
      for (const line of makeCommandHelp(command)) device.print(line);
      return 0;
    }
    return command.run(device, parseInvocation(command, rest));
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
