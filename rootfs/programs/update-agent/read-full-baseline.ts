import type { WorkloadName } from '../../../build/contract/workload.ts';
import type { Device } from '../device.ts';
import { type Baseline, readBaseline } from '../shared/update/update-record.ts';
import { askForWorkloads, namesToDemand, namesUnwell } from '../shared/workloads.ts';

export interface BaselineLook {
  /** What no engine tells now stays as it was told before. */
  readonly before: Baseline;
  /** Were well at the look before this one, are to be well again, and are not at this moment. */
  readonly unwell: readonly WorkloadName[];
}

/** What the machine is like now: the new version must be no worse. */
export function readFullBaseline(device: Device, earlier?: Baseline): BaselineLook {
  const { listings, fault } = askForWorkloads(device);
  const known = listings.filter((each) => each.fault === undefined);
  const isKnown = ({ engine }: WorkloadName) => known.some((each) => each.engine === engine);
  const kept = fault === undefined ? [] : (earlier?.workloads ?? []).filter((each) => !isKnown(each));
  const workloads = [...namesToDemand(known), ...kept];
  return {
    before: {
      ...readBaseline(device),
      ...(workloads.length === 0 ? {} : { workloads }),
      ...(fault === undefined ? {} : { workloadsFault: fault }),
    },
    unwell: namesUnwell(earlier?.workloads ?? [], known),
  };
}
