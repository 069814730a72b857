import { openDevice } from '../device.ts';
import { provisionMachine } from './provision-machine.ts';

provisionMachine(openDevice());
