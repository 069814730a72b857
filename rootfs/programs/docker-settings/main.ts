import { openDevice } from '../device.ts';
import { mergeSettings } from './merge-settings.ts';

const device = openDevice();
const [image = '', owner = ''] = device.arguments.map((path) => device.readFile(path) ?? '');
try {
  device.print(mergeSettings(image, owner));
} catch (error) {
  device.printError((error as Error).message);
  device.exit(1);
}
device.exit(0);
