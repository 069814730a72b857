import type { EngineService } from '../../../build/contract/engine-file.ts';
import type { Device } from '../device.ts';
import type { KeelctlCommand } from './command.ts';
import { containersFolder, findContainerPid, readEngine } from './engine.ts';
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
    const elapsedSeconds = (device.now() - begin) / 1000;
    waiting = waiting.filter((service) => !isEnded(device, service, elapsedSeconds));
  }
}

/** Also ends what the first process left behind, or everything when the time is over. */
function isEnded(device: Device, service: EngineService, elapsedSeconds: number): boolean {
  const { name } = service;
  if (!hasContainer(device, name)) return true;
  const isLate = elapsedSeconds >= service.stopTimeoutSeconds;
  if (isLate) device.printError(`${name} did not stop in time and is killed`);
  else if (hasFirstProcess(device, name)) return false;
  device.run(['crun', 'delete', '--force', name]);
  return true;
}

/** crun keeps a folder for each container until it is deleted. */
function hasContainer(device: Device, name: string): boolean {
  return device.status(`${containersFolder}/${name}`) !== undefined;
}

/** PID 1 waits for this program and so collects nobody: a process that has ended stays as a zombie (proc(5), stat). */
function hasFirstProcess(device: Device, name: string): boolean {
  const pid = findContainerPid(device, name);
  const stat = pid === undefined ? undefined : device.readFile(`/proc/${pid}/stat`);
  return stat !== undefined && !/\) [ZX] /.test(stat);
}
