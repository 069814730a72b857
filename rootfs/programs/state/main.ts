import { openDevice } from '../device.ts';
import { setUpState } from './set-up-state.ts';

setUpState(openDevice());
