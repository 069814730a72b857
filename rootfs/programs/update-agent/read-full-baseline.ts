import type { Device } from '../device.ts';
import { type Baseline, readBaseline } from '../shared/update/update-record.ts';
import { askForWorkloads, namesToDemand } from '../shared/workloads.ts';

/** What the machine is like now: the new version must be no worse. What no engine tells now stays as it was told before. */
export function readFullBaseline(device: Device, earlier?: Baseline): Baseline {
  const listings = askForWorkloads(device);
  const isKnown = listings.length > 0 && listings.every(({ fault }) => fault === undefined);
  const workloads = isKnown ? namesToDemand(listings) : (earlier?.workloads ?? []);
  return { ...readBaseline(device), ...(workloads.length === 0 ? {} : { workloads }) };
}
