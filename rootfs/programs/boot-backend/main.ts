import { openDevice } from '../device.ts';
import { runBootBackend } from './run-boot-backend.ts';

runBootBackend(openDevice());
