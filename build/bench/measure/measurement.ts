import type { Job } from '../contenders/contender.ts';
import type { BootTimes } from './bench-machine.ts';
import type { MachineFacts } from './machine-facts.ts';
import type { BuildTimes } from './measure-builds.ts';
import type { ImageSizes } from './measure-sizes.ts';

/** All that was measured of one contender. */
export interface Measurement {
  readonly name: string;
  readonly job: Job;
  readonly isKeelson: boolean;
  readonly builds?: BuildTimes;
  readonly sizes?: ImageSizes;
  readonly boots?: MachineTimes;
  /** Why it was not measured, or not to the end. */
  readonly obstacle?: string;
}

/** Of one machine, which keeps its disk. */
export interface MachineTimes {
  /** The first boot of the image, which has more to do, and does not count. */
  readonly first: BootTimes;
  readonly later: readonly BootTimes[];
  readonly facts: MachineFacts;
}
