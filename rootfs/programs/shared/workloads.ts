import type { EngineFile } from '../../../build/contract/engine-file.ts';
import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Workload, WorkloadName } from '../../../build/contract/workload.ts';
import type { Device } from '../device.ts';
import { runInContainer } from './run-in-container.ts';

/** What one engine of users says. */
export interface EngineListing {
  readonly engine: string;
  readonly workloads: readonly Workload[];
  /** Why it could not be asked. */
  readonly fault?: string;
}

const patienceSeconds = 30;

/** Asks every service that is an engine, from outside of its container. */
export function listWorkloads(device: Device, { services }: EngineFile): readonly EngineListing[] {
  return services.flatMap(({ name: engine, workloads }) => {
    if (workloads === undefined) return [];
    const { stdout, fault } = runInContainer(device, engine, workloads.command, patienceSeconds);
    if (fault !== undefined) return [{ engine, workloads: [], fault }];
    return [{ engine, workloads: stdout.split('\n').flatMap(parseWorkload).sort(byName) }];
  });
}

function parseWorkload(line: string): readonly Workload[] {
  try {
    const found = JSON.parse(line) as Workload;
    return typeof found.name === 'string' ? [found] : [];
  } catch {
    return [];
  }
}

/** Engines list what was made last first; who compares two listings wants the same order. */
function byName({ name: left }: Workload, { name: right }: Workload): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

export function isWell({ state, health }: Workload): boolean {
  return state === 'running' && (health === null || health === 'healthy');
}

/** Those that are well and that the engine brings back by itself: a version that does not is no good one. */
export function namesToDemand(listings: readonly EngineListing[]): readonly WorkloadName[] {
  return watchedNames(listings, isWell);
}

/** Of those that were demanded, the ones that are still there to be watched, and are not well now. */
export function namesUnwell(
  demanded: readonly WorkloadName[],
  listings: readonly EngineListing[],
): readonly WorkloadName[] {
  return watchedNames(listings, (each) => !isWell(each)).filter(({ engine, name }) =>
    demanded.some((each) => each.engine === engine && each.name === name),
  );
}

function watchedNames(
  listings: readonly EngineListing[],
  isWanted: (each: Workload) => boolean,
): readonly WorkloadName[] {
  return listings.flatMap(({ engine, workloads }) =>
    workloads
      .filter((each) => isWanted(each) && each.isRestarted && !each.isExempt)
      .map(({ name }) => ({ engine, name })),
  );
}

/** Sentences on those that are demanded and are not well; the same fault has the same words each time. */
export function complain(
  demanded: readonly WorkloadName[],
  listings: readonly EngineListing[],
): readonly string[] {
  const engines = [...new Set(demanded.map(({ engine }) => engine))];
  return engines.flatMap((engine) => {
    const listing = listings.find((each) => each.engine === engine);
    if (listing === undefined) return [`there is no engine ${engine} any more, and containers ran in it`];
    if (listing.fault !== undefined)
      return [`the containers of ${engine} cannot be listed: ${listing.fault}`];
    const names = demanded.filter((each) => each.engine === engine).map(({ name }) => name);
    return names.flatMap((name) => {
      const found = listing.workloads.find((each) => each.name === name);
      if (found === undefined) return [`container ${name} is gone`];
      return isWell(found) || found.isExempt ? [] : [describeWorkload(found)];
    });
  });
}

export function describeWorkload({ name, state, exitCode, error, health }: Workload): string {
  if (state === 'running') {
    return `container ${name} is ${health === 'starting' ? 'not healthy yet' : 'not healthy'}`;
  }
  const detail = error || (exitCode === undefined ? '' : `exit code ${exitCode}`);
  return `container ${name} is ${state}${detail === '' ? '' : ` (${detail})`}`;
}

/** Where a program inside of a container asks: see rootfs/layers/updates/files/tell-workloads. */
const folder = `${machineLayout.runtime}/workloads`;
const pollMs = 200;

/** What the engines of the machine say, as far as they could be asked. */
export interface WorkloadAnswer {
  readonly listings: readonly EngineListing[];
  /** A sentence: nobody answered, or an engine did not. Nothing is known of its containers then. */
  readonly fault?: string;
}

/** For the agent for updates, which cannot reach other containers. A machine without an engine has none, and that is no fault. */
export function askForWorkloads(device: Device): WorkloadAnswer {
  if (device.status(`${folder}/ask`) === undefined) return { listings: [] };
  const id = String(device.now());
  const asking = device.run(['busybox', 'timeout', '5', 'sh', '-c', `echo ${id} >${folder}/ask`]);
  if (asking.exitCode !== 0) {
    return { listings: [], fault: `nobody can be asked for them: ${asking.stderr.trim() || 'no listener'}` };
  }
  const deadline = device.now() + 2 * patienceSeconds * 1000;
  while (device.now() < deadline) {
    const [answeredId, ...json] = (device.readFile(`${folder}/answer`) ?? '').split('\n');
    if (answeredId === id) return parseListings(json.join('\n'));
    device.sleep(pollMs);
  }
  return { listings: [], fault: `nobody lists them: no answer in ${2 * patienceSeconds} s` };
}

function parseListings(text: string): WorkloadAnswer {
  try {
    const listings = JSON.parse(text) as readonly EngineListing[];
    const mute = listings.find(({ fault }) => fault !== undefined);
    return {
      listings,
      ...(mute === undefined ? {} : { fault: `those of ${mute.engine} cannot be listed: ${mute.fault}` }),
    };
  } catch {
    return { listings: [], fault: 'the list of them cannot be read' };
  }
}
