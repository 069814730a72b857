import type { EngineFile } from '../../../build/contract/engine-file.ts';
import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';

/** What the builder decided; a machine without it (which only a fault of ours can make) has a name and no users. */
export function readEngineFile(device: Device): EngineFile {
  const text = device.readFile(machineLayout.engineFile);
  return text === undefined ? unknownEngine : (JSON.parse(text) as EngineFile);
}

const unknownEngine: EngineFile = {
  format: 1,
  recipe: 'unknown',
  version: '0',
  builtAt: 0,
  hostname: 'keelson',
  users: [],
  services: [],
};
