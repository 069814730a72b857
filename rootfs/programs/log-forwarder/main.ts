import { openDevice } from '../device.ts';
import { forwardLogs } from './forward-logs.ts';

const device = openDevice();
device.exit(forwardLogs(device));
