import type { EngineService } from '../../../build/contract/engine-file.ts';
import type { Device } from '../device.ts';
import type { KeelctlCommand } from './command.ts';
import { containersFolder, readEngine } from './engine.ts';
import { planStopOrder } from './stop-order.ts';

const pollMs = 50;

/** Called by finit's `shutdown` directive. finit waits for it, so it can be asked nothing: this works with crun alone. */
export const stopEverything: KeelctlCommand = {
  usage: 'stop-everything',
  summary: 'end all containers in reverse order of their start, without finit',
  audience: 'internal',
  operands: [0, 0],
  run(device) {
    for (const wave of planStopOrder(readEngine(device).services)) {
      stopWave(
        device,
        wave.filter(({ name }) => hasContainer(device, name)),
      );
    }
    device.run(['sync']);
    return 0;
  },
};

function stopWave(device: Device, wave: readonly EngineService[]): void {
  const begin = device.now();
  for (const { name, stopSignal } of wave) {
    device.run(['crun', 'kill', name, stopSignal]);
  }
  let waiting = wave;
  while (waiting.length > 0) {
    device.sleep(pollMs);
    waiting = waiting.filter(({ name }) => hasContainer(device, name));
    const elapsedSeconds = (device.now() - begin) / 1000;
    for (const { name } of waiting.filter(({ stopTimeoutSeconds }) => elapsedSeconds >= stopTimeoutSeconds)) {
      device.printError(`${name} did not stop in time and is killed`);
      device.run(['crun', 'delete', '--force', name]);
      waiting = waiting.filter((service) => service.name !== name);
    }
  }
}

/** crun removes a container's folder when its last process has ended and been cleaned up after. */
function hasContainer(device: Device, name: string): boolean {
  return device.status(`${containersFolder}/${name}`) !== undefined;
}
