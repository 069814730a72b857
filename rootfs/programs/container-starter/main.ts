import { openDevice } from '../device.ts';
import { startContainers } from './start-containers.ts';

const device = openDevice();
startContainers(device, device.arguments[0] ?? 'docker');
device.exit(0);
