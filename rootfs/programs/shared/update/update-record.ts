import { machineLayout } from '../../../../build/contract/machine-layout.ts';
import type { WorkloadName } from '../../../../build/contract/workload.ts';
import type { Device } from '../../device.ts';

/** What outlives a restart lies on state; what is of this boot only, below /run. */
const folder = `${machineLayout.state}/update`;
const runtime = '/run/update';

export const updatePaths = {
  folder,
  /** UpdateState. Written by the agent, and by the health gate while something is on trial. */
  state: `${folder}/state.json`,
  /** UpdateRecord[], oldest first. */
  history: `${folder}/history.json`,
  /** OwnerPolicy, written by keelctl. */
  policy: `${folder}/policy.json`,
  /** TrustedIndex. */
  trust: `${folder}/channel.json`,
  /** The largest minimum that the channel ever told. */
  minimum: `${folder}/minimum.json`,
  /** Room on state that is set aside: see ../../update-agent/state-reserve.ts. */
  reserve: `${folder}/reserve`,
  /** Time of the newest record that a server has heard of. */
  told: `${folder}/told.json`,
  runtime,
  /** A pipe: whatever is written to it has the agent look at once. */
  wake: `${runtime}/wake`,
  /** UpdateRequest, from keelctl to the agent. */
  request: `${runtime}/request.json`,
  /** UpdateAnswer, from the agent to keelctl. */
  answer: `${runtime}/answer.json`,
  /** What the pre-install handler may let pass, and what it saw. */
  accepted: `${runtime}/accepted.json`,
  judged: `${runtime}/judged.json`,
  /** Written when the health gate of this boot has ended, whatever came of it. */
  gateIsDone: `${machineLayout.runtime}/gate-is-done`,
  /** Shown at login. */
  notice: `${machineLayout.runtime}/notice`,
} as const;

export type Slot = 'a' | 'b';

export type UpdateSource =
  | { readonly kind: 'channel'; readonly location: string }
  | { readonly kind: 'url' | 'file'; readonly location: string }
  /** A person went back to what the other slot holds. */
  | { readonly kind: 'other-slot' };

/** What the machine was like when it left the old version: the new one must be no worse. */
export interface Baseline {
  readonly hasNetwork: boolean;
  readonly isStateOnDisk: boolean;
  /** It had no room left: then the new version is not to blame for it. */
  readonly isStateFull?: boolean;
  /** Containers of users that were well. */
  readonly workloads?: readonly WorkloadName[];
  /** Why it is not known of all containers whether they were well. */
  readonly workloadsFault?: string;
}

/** One boot of a version on trial. */
export interface TrialBoot {
  readonly bootId: string;
  /** Empty while the gate has not said anything: a hang, a panic or a power cut leaves it so. */
  readonly reasons: readonly string[];
}

/** A version that waits in a slot for its first boot, or is in the middle of its trial. */
export interface StagedUpdate {
  readonly source: UpdateSource;
  readonly version: string;
  readonly slot: Slot;
  readonly fromVersion: string;
  readonly bundleSha256?: string;
  readonly imageSha256?: string;
  readonly before: Baseline;
  /** Of the boot in which it was written. */
  readonly bootId: string;
}

/** Nothing is under way. */
export type RestingState = Extract<UpdateState, { phase: 'idle' | 'committed' | 'rolled-back' }>;

/** Each state has all that is needed to go on from it after a power cut. Times are seconds since the epoch. */
export type UpdateState =
  | { readonly phase: 'idle'; readonly checkedAt?: number; readonly message?: string }
  /** A look at the channel; what was known before it is known again when it was cut short. */
  | { readonly phase: 'checking'; readonly before: RestingState; readonly attempt: number }
  | {
      readonly phase: 'downloading';
      readonly source: UpdateSource;
      readonly version?: string;
      readonly bundleSha256?: string;
      readonly restartAt: number;
      readonly attempt: number;
      /**
       * There once its bundle is judged, before anything is written: should the power go away when the boot loader knows the
       * version and nobody has put that down, the new version finds here what it is measured by.
       */
      readonly update?: StagedUpdate;
    }
  | {
      readonly phase: 'staged';
      readonly update: StagedUpdate;
      readonly restartAt: number;
      /** Since when a container is not well that was, or an engine does not answer. */
      readonly unsettledSince?: number;
    }
  | { readonly phase: 'trial'; readonly update: StagedUpdate; readonly boots: readonly TrialBoot[] }
  | {
      readonly phase: 'committed';
      readonly version: string;
      readonly at: number;
      readonly checkedAt?: number;
    }
  | {
      readonly phase: 'rolled-back';
      readonly version: string;
      readonly reasons: readonly string[];
      readonly at: number;
      readonly checkedAt?: number;
    };

/** One line of history. */
export interface UpdateRecord {
  readonly at: number;
  /**
   * `demoted`: `fromVersion` was good and rotted in `slot`; `version` runs instead. `relocated`: `slot` has another place on
   * the disk, for `version`, which comes next.
   */
  readonly event: 'relocated' | 'staged' | 'committed' | 'rolled-back' | 'demoted' | 'refused' | 'failed';
  readonly fromVersion: string;
  readonly version?: string;
  readonly slot?: Slot;
  readonly source: UpdateSource;
  readonly bundleSha256?: string;
  /** Stable, for `refused` and `failed`: see ../tuf/refusal.ts and ../../update-agent/explain-failure.ts. */
  readonly code?: string;
  readonly reasons: readonly string[];
}

export interface OwnerPolicy {
  readonly isPaused: boolean;
  readonly pinnedVersion?: string;
}

export interface UpdateRequest {
  /** Another one for each request; the answer has the same. */
  readonly id: string;
  readonly action: 'check' | 'install' | 'rollback';
  /** Of `install`: a path, or http(s)://… */
  readonly location?: string;
  /** The disk on which `location` lies, when only the person's session has it mounted. */
  readonly medium?: Medium;
}

/** A mounted file system, so that another container can mount it too. */
export interface Medium {
  /** Such as /dev/sda1. */
  readonly device: string;
  readonly fileSystem: string;
  readonly isReadOnly: boolean;
  /** Of the bundle, from the top of the file system; begins with a slash. */
  readonly path: string;
}

export interface UpdateAnswer {
  readonly id: string;
  readonly isDone: boolean;
  readonly isWell: boolean;
  readonly message: string;
  readonly code?: string;
}

const longestHistory = 60;

export function readState(device: Device): UpdateState {
  return readJson<UpdateState>(device, updatePaths.state) ?? { phase: 'idle' };
}

export function writeState(device: Device, state: UpdateState): void {
  device.makeFolder(updatePaths.folder, 0o700);
  writeJson(device, updatePaths.state, state);
}

export function readHistory(device: Device): readonly UpdateRecord[] {
  const found = readJson<unknown>(device, updatePaths.history);
  return Array.isArray(found) ? (found as UpdateRecord[]) : [];
}

export function addToHistory(device: Device, record: UpdateRecord): void {
  device.makeFolder(updatePaths.folder, 0o700);
  writeJson(device, updatePaths.history, [...readHistory(device), record].slice(-longestHistory));
}

/** What became of an update, at this moment. */
export function recordUpdate(
  device: Device,
  event: 'staged' | 'committed' | 'rolled-back',
  { fromVersion, version, slot, source, bundleSha256 }: StagedUpdate,
  reasons: readonly string[] = [],
): void {
  addToHistory(device, {
    at: Math.floor(device.now() / 1000),
    event,
    fromVersion,
    version,
    slot,
    source,
    ...(bundleSha256 === undefined ? {} : { bundleSha256 }),
    reasons,
  });
}

export function readPolicy(device: Device): OwnerPolicy {
  return readJson<OwnerPolicy>(device, updatePaths.policy) ?? { isPaused: false };
}

export function writeJson(device: Device, path: string, value: unknown): void {
  device.writeFileDurably(path, `${JSON.stringify(value)}\n`, 0o600);
}

/** `undefined` when it is missing or damaged: what is kept must never keep a machine from going on. */
export function readJson<Value>(device: Device, path: string): Value | undefined {
  try {
    const text = device.readFile(path, 1024 * 1024);
    return text === undefined ? undefined : (JSON.parse(text) as Value);
  } catch {
    return undefined;
  }
}

export function readBootId(device: Device): string {
  return device.readFile('/proc/sys/kernel/random/boot_id')?.trim() ?? 'unknown';
}

export function readBaseline(device: Device): Baseline {
  const isOnDisk = isStateOnDisk(device);
  return {
    hasNetwork: hasDefaultRoute(device),
    isStateOnDisk: isOnDisk,
    ...(isOnDisk && device.status(updatePaths.reserve) === undefined ? { isStateFull: true } : {}),
  };
}

/** proc_net(5): destination and mask of eight zeros; for IPv6 thirty-two zeros, a prefix of none, and not the loopback. */
function hasDefaultRoute(device: Device): boolean {
  const isDefault4 = (line: string) => /^\S+\t0{8}\t/.test(line);
  const isDefault6 = (line: string) => /^0{32} 00 /.test(line) && !/ lo$/.test(line);
  const lines = (path: string) => (device.readFile(path) ?? '').split('\n');
  return lines('/proc/net/route').some(isDefault4) || lines('/proc/net/ipv6_route').some(isDefault6);
}

export function isStateOnDisk(device: Device): boolean {
  return readJson<{ kind?: string }>(device, machineLayout.stateFile)?.kind === 'disk';
}
