import type { ChannelRelease } from '../../../../build/contract/channel.ts';
import { compareVersions } from '../../../../build/contract/release-version.ts';
import { type InstalledRelease, judgeBundle } from './judge-bundle.ts';
import { type MaintenanceWindow, nextOpening } from './maintenance-window.ts';
import { type Refusal, refusal } from './refusal.ts';
import type { ChannelIndex } from './trusted-index.ts';
import { opensAt, shareOfMachine } from './wave-share.ts';

/** What decides on a machine, beside the index. */
export interface MachinePolicy extends InstalledRelease {
  readonly machineId: string;
  /** The machine goes no further than this. */
  readonly pinnedVersion?: string;
  /** Somebody paused updates on this machine. */
  readonly isPaused: boolean;
  readonly windows: readonly MaintenanceWindow[];
  /** Digests of bundles that were rolled back here: not tried again by themselves. */
  readonly failedBundles: readonly string[];
  /** Whether the clock is at or past the build time of the booted image. */
  readonly isClockSet: boolean;
  /** A person asked for the update now: waves, windows and earlier failures do not hold it back. */
  readonly isAskedFor?: boolean;
}

/** Why nothing is done now although there is something newer. */
export type WaitReason = 'PAUSED_HERE' | 'PAUSED_BY_CHANNEL' | 'NOT_IN_WAVE' | 'CLOCK_UNSET';

export type UpdateDecision = {
  /** To be kept: the channel may have raised it. */
  readonly minimumVersion: string;
} & (
  | {
      readonly kind: 'install';
      readonly release: ChannelRelease;
      /** Download and write now, restart not before this (seconds since the epoch). */
      readonly restartAt: number;
    }
  | {
      readonly kind: 'wait';
      readonly reason: WaitReason;
      readonly release: ChannelRelease;
      /** When the reason may be gone by itself. */
      readonly until?: number;
    }
  | { readonly kind: 'current'; readonly reason: 'NEWEST' | 'PINNED' | 'FAILED_HERE' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
);

/** What a machine does about a fresh index. `now` as the refresh gave it, in seconds since the epoch. */
export function decideUpdate(index: ChannelIndex, machine: MachinePolicy, now: number): UpdateDecision {
  const own = index.releases
    .filter(({ compatible }) => compatible === machine.compatible)
    .sort((one, other) => other.sequence - one.sequence);
  const minimumVersion = own.reduce(
    (highest, release) =>
      compareVersions(release.minimumVersion, highest) > 0 ? release.minimumVersion : highest,
    machine.minimumVersion,
  );
  if (own.length === 0 && index.releases.length > 0) {
    const message = `channel ${index.channel} has nothing for ${machine.compatible}`;
    return { minimumVersion, kind: 'refused', refusal: refusal('BUNDLE_INCOMPATIBLE', message) };
  }
  const newer = own.filter((release) => judgeBundle(release, { ...machine, minimumVersion }) === undefined);
  const allowed = newer.filter(({ version }) => !isBeyond(version, machine.pinnedVersion));
  const candidates = allowed.filter(
    ({ sha256 }) => machine.isAskedFor === true || !machine.failedBundles.includes(sha256),
  );
  const [newest] = candidates;
  if (newest === undefined) {
    const reason = allowed.length > 0 ? 'FAILED_HERE' : newer.length > 0 ? 'PINNED' : 'NEWEST';
    return { minimumVersion, kind: 'current', reason };
  }
  if (machine.isPaused && machine.isAskedFor !== true) {
    return { minimumVersion, kind: 'wait', reason: 'PAUSED_HERE', release: newest };
  }
  if (!machine.isClockSet) return { minimumVersion, kind: 'wait', reason: 'CLOCK_UNSET', release: newest };
  return { minimumVersion, ...chooseRelease(candidates, newest, machine, now) };
}

function isBeyond(version: string, pinned: string | undefined): boolean {
  return pinned !== undefined && compareVersions(version, pinned) > 0;
}

/** The newest that is open to this machine; when none is, the newest says why. */
function chooseRelease(
  candidates: readonly ChannelRelease[],
  newest: ChannelRelease,
  machine: MachinePolicy,
  now: number,
): { kind: 'install'; release: ChannelRelease; restartAt: number } | Waiting {
  const share = shareOfMachine(machine.machineId);
  const isAskedFor = machine.isAskedFor === true;
  const open = candidates.find(({ rollout }) => {
    if (rollout.isPaused) return false;
    return isAskedFor || (opensAt(rollout, share) ?? Number.POSITIVE_INFINITY) <= now;
  });
  if (open !== undefined) {
    const restartAt = isAskedFor ? now : nextOpening(machine.windows, now);
    return { kind: 'install', release: open, restartAt };
  }
  if (newest.rollout.isPaused) return { kind: 'wait', reason: 'PAUSED_BY_CHANNEL', release: newest };
  const until = opensAt(newest.rollout, share);
  return { kind: 'wait', reason: 'NOT_IN_WAVE', release: newest, ...(until === undefined ? {} : { until }) };
}

interface Waiting {
  readonly kind: 'wait';
  readonly reason: WaitReason;
  readonly release: ChannelRelease;
  readonly until?: number;
}
