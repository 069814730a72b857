import type { EngineFile, EngineService } from '../../../build/contract/engine-file.ts';
import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import { CommandFailed } from './command.ts';
import { nearestName } from './nearest-name.ts';

/** What the builder decided about the services of this machine. */
export function readEngine(device: Device): EngineFile {
  const text = device.readFile(machineLayout.engineFile);
  if (text === undefined) {
    throw new CommandFailed(`Cannot find ${machineLayout.engineFile}: this is not a Keelson machine.`);
  }
  return JSON.parse(text) as EngineFile;
}

export function findService(engine: EngineFile, name: string): EngineService {
  const found = engine.services.find((service) => service.name === name);
  if (found !== undefined) return found;
  const names = engine.services.map((service) => service.name);
  const near = nearestName(name, names);
  const hint =
    near === undefined ? `The services are ${names.toSorted().join(', ')}.` : `Did you mean ${near}?`;
  throw new CommandFailed(`There is no service "${name}". ${hint}`, 2);
}

/** The first process of a service's container; `undefined` when it has none. */
export function findContainerPid(device: Device, serviceName: string): number | undefined {
  const text = device.readFile(`${containersFolder}/${serviceName}/status`);
  if (text === undefined) return undefined;
  const { pid } = JSON.parse(text) as { readonly pid?: number };
  return pid !== undefined && pid > 0 && device.status(`/proc/${pid}`) !== undefined ? pid : undefined;
}

/** Where crun keeps a folder for each container. */
export const containersFolder = '/run/crun';
