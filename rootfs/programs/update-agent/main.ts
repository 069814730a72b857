import { openDevice } from '../device.ts';
import { runUpdateAgent } from './run-update-agent.ts';

const device = openDevice();
device.exit(runUpdateAgent(device));
