import { openDevice } from '../device.ts';
import { collectLogs } from './collect-logs.ts';

collectLogs(openDevice());
