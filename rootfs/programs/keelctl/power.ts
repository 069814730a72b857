import { CommandFailed, type KeelctlCommand, printJson } from './command.ts';

export const reboot = makePower('reboot', 'stop all services in order and start the machine again');
export const poweroff = makePower('poweroff', 'stop all services in order and switch the machine off');

function makePower(verb: 'reboot' | 'poweroff', summary: string): KeelctlCommand {
  return {
    usage: verb,
    summary,
    audience: 'people',
    operands: [0, 0],
    run(device, { isJson }) {
      const outcome = device.run(['initctl', '--batch', verb]);
      // initctl ends with 1 also when finit has taken the order and no longer answers; then it says nothing.
      if (outcome.exitCode !== 0 && outcome.stderr.trim() !== '') {
        throw new CommandFailed(`Cannot ${verb}: ${outcome.stderr.trim()}`);
      }
      if (isJson) printJson(device, { action: verb });
      return 0;
    },
  };
}
