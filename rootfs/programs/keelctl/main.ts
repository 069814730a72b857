import { openDevice } from '../device.ts';
import { runKeelctl } from './run-keelctl.ts';

const device = openDevice();
device.exit(runKeelctl(device));
