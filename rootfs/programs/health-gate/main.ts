import { openDevice } from '../device.ts';
import { runHealthGate } from './run-health-gate.ts';

const device = openDevice();
device.exit(runHealthGate(device));
