import { type KeelctlCommand, printJson } from './command.ts';
import { readEngine } from './engine.ts';
import { readServiceStates, type ServiceState } from './service-state.ts';
import { makeTable, showBytes, showDuration } from './table.ts';

export const ps: KeelctlCommand = {
  usage: 'ps',
  summary: 'list the services and their states',
  audience: 'people',
  operands: [0, 0],
  run(device, { isJson }) {
    const states = readServiceStates(device, readEngine(device));
    if (isJson) printJson(device, states);
    else for (const line of makeServiceTable(states)) device.print(line);
    return 0;
  },
};

export function makeServiceTable(states: readonly ServiceState[]): readonly string[] {
  return makeTable(
    ['NAME', 'STATE', 'PID', 'UPTIME', 'RESTARTS', 'MEMORY', 'DESCRIPTION'],
    states.map((service) => [
      service.name,
      service.health === null ? service.state : `${service.state} (${service.health.status})`,
      service.pid === null ? '-' : String(service.pid),
      service.uptimeSeconds === null ? '-' : showDuration(service.uptimeSeconds),
      String(service.restarts),
      service.memoryBytes === null ? '-' : showBytes(service.memoryBytes),
      service.description,
    ]),
  );
}
