import { openDevice } from '../device.ts';
import { loadModules } from './load-modules.ts';

loadModules(openDevice());
