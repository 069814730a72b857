import type { EngineService } from '../../../build/contract/engine-file.ts';
import type { KeelctlCommand } from './command.ts';
import { findService, readEngine } from './engine.ts';

/**
 * Called when finit gives up a service: services that only want to start after it need not wait any longer, nor those that
 * want to start after one that can never start because it needs this one.
 */
export const release: KeelctlCommand = {
  usage: 'release SERVICE',
  summary: 'let services start that waited for one that has failed',
  audience: 'internal',
  operands: [1, 1],
  run(device, { operands: [name = ''] }) {
    const engine = readEngine(device);
    findService(engine, name);
    for (const settled of findDependants(engine.services, name)) {
      device.writeFile(`/dev/settled/${settled}`, '');
    }
    return 0;
  },
};

/** The service itself and all that need it, directly or not. */
function findDependants(services: readonly EngineService[], name: string): ReadonlySet<string> {
  const found = new Set([name]);
  for (const dependant of found) {
    for (const service of services) {
      if (service.needs.includes(dependant)) found.add(service.name);
    }
  }
  return found;
}
