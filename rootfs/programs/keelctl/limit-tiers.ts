import type { EngineService } from '../../../build/contract/engine-file.ts';
import type { Device } from '../device.ts';
import { readBootFile } from '../shared/boot-file.ts';

/**
 * What the machine runs are subtrees of control groups (cgroup v2): `init` and `system` are finit's, `services` the system
 * tier, `workloads` the containers of users, `staging` the installation of updates. Whatever users' containers take, the others
 * keep their reserved memory and most of the processors when they ask.
 */
const root = '/sys/fs/cgroup';

/** Shares where there is not enough for all; finit's own groups have theirs in /etc/finit.conf. */
const weights = { services: 1000, workloads: 100 } as const;

const mebibyte = 1024 * 1024;

/** For finit, the watchdog, the health gate: processes outside of containers. */
const initReserveBytes = 16 * mebibyte;

/** What the kernel needs and counts to no group, such as buffers of the network: so much, and a share of all. */
const kernelReserve = { bytes: 32 * mebibyte, share: 1 / 16 } as const;

/** Users' containers may always have this share, however small the machine. */
const leastShare = 1 / 4;

export interface TierPlan {
  readonly servicesReserveBytes: number;
  /** With it the memory of `workloads` is at its end before the machine's is, and the kernel ends what is in there. */
  readonly workloadsMemoryBytes: number;
  readonly workloadsPids: number;
}

export function planTiers(
  services: readonly Pick<EngineService, 'memoryReserveBytes'>[],
  machine: { readonly memoryBytes: number; readonly processes: number },
): TierPlan {
  const servicesReserveBytes = services.reduce((sum, { memoryReserveBytes }) => sum + memoryReserveBytes, 0);
  const reserved =
    servicesReserveBytes +
    initReserveBytes +
    kernelReserve.bytes +
    Math.floor(machine.memoryBytes * kernelReserve.share);
  const least = Math.floor(machine.memoryBytes * leastShare);
  return {
    servicesReserveBytes,
    workloadsMemoryBytes: Math.max(machine.memoryBytes - reserved, least),
    workloadsPids: Math.floor(machine.processes / 2),
  };
}

/** Gives what went wrong: the machine must start without limits too. */
export function limitTiers(device: Device, services: readonly EngineService[]): readonly string[] {
  const faults: string[] = [];
  const set = (path: string, value: string): void => {
    try {
      device.writeFile(`${root}/${path}`, value);
    } catch (error) {
      faults.push(`Cannot set ${path} to ${value}: ${(error as Error).message}`);
    }
  };
  // One by one: a kernel that lacks one of them would refuse them all.
  const control = (folder: string): void => {
    for (const name of ['cpu', 'memory', 'io', 'pids']) set(`${folder}cgroup.subtree_control`, `+${name}`);
  };
  const makeTier = (name: string): void => {
    try {
      device.makeFolder(`${root}/${name}`);
    } catch (error) {
      faults.push(`Cannot make the control group ${name}: ${(error as Error).message}`);
    }
    control(`${name}/`);
  };
  const plan = planTiers(services, readMachine(device));
  control('');
  for (const name of ['init', 'system']) set(`${name}/memory.min`, String(initReserveBytes / 2));

  makeTier('services');
  set('services/cpu.weight', String(weights.services));
  set('services/io.weight', String(weights.services));
  set('services/memory.min', String(plan.servicesReserveBytes));
  // Where a service is an engine for containers of users.
  if (services.some(({ workloads }) => workloads !== undefined)) {
    makeTier('workloads');
    set('workloads/cpu.weight', String(weights.workloads));
    set('workloads/memory.max', String(plan.workloadsMemoryBytes));
    set('workloads/pids.max', String(plan.workloadsPids));
  }
  return faults;
}

/** For the hook limit-io, which is told of no disk. */
export function noteDiskNumber(device: Device): void {
  const disk = readBootFile(device)?.disk;
  const number = disk === undefined ? undefined : device.readFile(`/sys/block/${disk}/dev`);
  if (number !== undefined) device.writeFile('/run/keelson/disk-number', number);
}

function readMachine(device: Device): { memoryBytes: number; processes: number } {
  const kibibytes = /^MemTotal: +([0-9]+) kB$/m.exec(device.readFile('/proc/meminfo') ?? '')?.[1];
  const limits = ['pid_max', 'threads-max'].map((name) =>
    Number(device.readFile(`/proc/sys/kernel/${name}`) ?? Number.NaN),
  );
  return {
    memoryBytes: Number(kibibytes ?? Number.NaN) * 1024,
    processes: Math.min(...limits),
  };
}
