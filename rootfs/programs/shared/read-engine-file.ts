import type { EngineFile } from '../../../build/contract/engine-file.ts';
import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';

/**
 * What the builder decided. A machine without it, which only a fault of ours can make, still has a name and can be
 * provisioned.
 */
export function readEngineFile(device: Device): EngineFile {
  const text = device.readFile(machineLayout.engineFile);
  try {
    return text === undefined ? unknownEngine : (JSON.parse(text) as EngineFile);
  } catch {
    return unknownEngine;
  }
}

const unknownEngine: EngineFile = {
  format: 1,
  recipe: 'unknown',
  version: '0',
  builtAt: 0,
  hostname: 'keelson',
  users: [],
  disk: { headRoom: 2 },
  services: [],
};
