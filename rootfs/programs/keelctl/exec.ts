import { CommandFailed, type KeelctlCommand } from './command.ts';
import { findContainerPid, findService, readEngine } from './engine.ts';

export const exec: KeelctlCommand = {
  usage: 'exec SERVICE COMMAND [ARGUMENT…]',
  summary: 'run a program inside of a service’s container',
  audience: 'people',
  operands: [2, Number.POSITIVE_INFINITY],
  hasProgram: true,
  examples: ['exec network ip route', 'exec time chronyc sources'],
  run(device, { operands: [name = '', ...command] }) {
    findService(readEngine(device), name);
    if (findContainerPid(device, name) === undefined) {
      throw new CommandFailed(
        `Cannot run a program in ${name}: it does not run. Start it with \`keelctl start ${name}\`.`,
      );
    }
    const term = device.environmentVariable('TERM') ?? 'dumb';
    const terminal = device.isTerminal ? ['--tty', '--env', `TERM=${term}`] : [];
    return device.runAttached(['crun', 'exec', ...terminal, name, ...command]);
  },
};
