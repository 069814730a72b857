import { describe, expect, test } from '@jest/globals';
import type { ChannelRelease, Rollout } from '../../../../build/contract/channel.ts';
import { sequenceOf } from '../../../../build/contract/release-version.ts';
import { decideUpdate, type MachinePolicy } from './decide-update.ts';
import { judgeBundle, matchRelease } from './judge-bundle.ts';
import { type MaintenanceWindow, nextOpening } from './maintenance-window.ts';
import type { ChannelIndex } from './trusted-index.ts';
import { opensAt, shareOfMachine } from './wave-share.ts';

/** Saturday, 21 November 2026, 09:00 UTC. */
const now = 1_795_251_600;
const hour = 3600;
const day = 24 * hour;

const everybody: Rollout = {
  start: now,
  isPaused: false,
  waves: [{ sharePerMillion: 1_000_000, startAfterSeconds: 0 }],
};

function release(version: string, change: Partial<ChannelRelease> = {}): ChannelRelease {
  return {
    version,
    sequence: sequenceOf(version) ?? 0,
    compatible: 'minimal-x86-64',
    sha256: `bundle ${version}`,
    sizeBytes: 1000,
    imageSha256: `image ${version}`,
    imageSizeBytes: 4096,
    minimumVersion: '2026.10.0',
    rollout: everybody,
    ...change,
  };
}

const index = (...releases: ChannelRelease[]): ChannelIndex => ({
  channel: 'stable',
  releases,
  expiresAt: now + day,
  signedAt: now,
  versions: { root: 1, timestamp: 1, snapshot: 1, targets: 1 },
});

const machine: MachinePolicy = {
  compatible: 'minimal-x86-64',
  version: '2026.11.1',
  minimumVersion: '2026.10.0',
  machineId: 'f1d2d2f924e986ac86fdf7b36c94bcdf',
  isPaused: false,
  windows: [],
  failedBundles: [],
  isClockSet: true,
};

/** In one line: what, which version, when. */
function decide(change: Partial<MachinePolicy>, ...releases: ChannelRelease[]): string {
  const decision = decideUpdate(index(...releases), { ...machine, ...change }, now);
  switch (decision.kind) {
    case 'install':
      return `install ${decision.release.version}, restart in ${decision.restartAt - now}`;
    case 'wait':
      return `wait ${decision.reason} ${decision.release.version} ${decision.until === undefined ? '' : decision.until - now}`.trim();
    case 'current':
      return `current ${decision.reason}`;
    case 'refused':
      return `refused ${decision.refusal.code}: ${decision.refusal.message}`;
  }
}

const next = release('2026.11.2');
const paused = { ...everybody, isPaused: true };
const tomorrow = { ...everybody, start: now + day };
const nobody: Rollout = { ...everybody, waves: [{ sharePerMillion: 1, startAfterSeconds: 0 }] };

describe('a machine at 2026.11.1', () => {
  test.each<[string, string, Partial<MachinePolicy>, ChannelRelease[]]>([
    ['takes what is newer', 'install 2026.11.2, restart in 0', {}, [next]],
    ['takes the newest', 'install 2026.11.10, restart in 0', {}, [release('2026.11.10'), next]],
    ['has nothing to do in an empty channel', 'current NEWEST', {}, []],
    ['has nothing to do when it has the newest', 'current NEWEST', {}, [release('2026.11.1')]],
    ['never goes back', 'current NEWEST', {}, [release('2026.10.9')]],
    [
      'refuses a channel for other machines',
      'refused BUNDLE_INCOMPATIBLE: channel stable has nothing for minimal-x86-64',
      {},
      [release('2026.11.2', { compatible: 'minimal-arm64' })],
    ],
    [
      'passes over releases for other machines',
      'install 2026.11.2, restart in 0',
      {},
      [next, release('2026.12.0', { compatible: 'minimal-arm64' })],
    ],
    [
      'waits while the channel is paused',
      'wait PAUSED_BY_CHANNEL 2026.11.2',
      {},
      [release('2026.11.2', { rollout: paused })],
    ],
    ['waits while it is paused itself', 'wait PAUSED_HERE 2026.11.2', { isPaused: true }, [next]],
    [
      'waits for its wave',
      'wait NOT_IN_WAVE 2026.11.2 86400',
      {},
      [release('2026.11.2', { rollout: tomorrow })],
    ],
    [
      'waits when no wave reaches it',
      'wait NOT_IN_WAVE 2026.11.2',
      {},
      [release('2026.11.2', { rollout: nobody })],
    ],
    [
      'takes the one before when the newest has not reached it',
      'install 2026.11.2, restart in 0',
      {},
      [next, release('2026.11.3', { rollout: tomorrow })],
    ],
    [
      'takes the one before when the newest is paused',
      'install 2026.11.2, restart in 0',
      {},
      [next, release('2026.11.3', { rollout: paused })],
    ],
    [
      'goes no further than its pin',
      'install 2026.11.2, restart in 0',
      { pinnedVersion: '2026.11.2' },
      [next, release('2026.11.3')],
    ],
    ['stays at its pin', 'current PINNED', { pinnedVersion: '2026.11.1' }, [next]],
    [
      'does not try again what failed here',
      'current FAILED_HERE',
      { failedBundles: ['bundle 2026.11.2'] },
      [next],
    ],
    [
      'tries what came after',
      'install 2026.11.3, restart in 0',
      { failedBundles: ['bundle 2026.11.2'] },
      [next, release('2026.11.3')],
    ],
    ['installs nothing without a clock', 'wait CLOCK_UNSET 2026.11.2', { isClockSet: false }, [next]],
    ['installs nothing below its minimum', 'current NEWEST', { minimumVersion: '2026.12.0' }, [next]],
    [
      'installs at once and restarts in its window',
      'install 2026.11.2, restart in 61200',
      { windows: [{ days: [], startMinute: 120, lengthMinutes: 60 }] },
      [next],
    ],
    [
      'does at once what a person asks for',
      'install 2026.11.2, restart in 0',
      {
        isAskedFor: true,
        isPaused: true,
        failedBundles: ['bundle 2026.11.2'],
        windows: [{ days: [], startMinute: 120, lengthMinutes: 60 }],
      },
      [release('2026.11.2', { rollout: tomorrow })],
    ],
    [
      'does not override a paused channel for a person',
      'wait PAUSED_BY_CHANNEL 2026.11.2',
      { isAskedFor: true },
      [release('2026.11.2', { rollout: paused })],
    ],
  ])('%s: %s', (_name, expected, change, releases) => {
    expect(decide(change, ...releases)).toBe(expected);
  });

  test('keeps the highest minimum that it was told', () => {
    const minimumOf = (own: string, told: string) =>
      decideUpdate(
        index(release('2026.11.2', { minimumVersion: told })),
        { ...machine, minimumVersion: own },
        now,
      ).minimumVersion;
    expect(minimumOf('2026.10.0', '2026.11.1')).toBe('2026.11.1');
    expect(minimumOf('2026.11.1', '2026.10.0')).toBe('2026.11.1');
  });
});

describe('waves', () => {
  test('a machine has its place for ever, and places are spread evenly', () => {
    expect(shareOfMachine(machine.machineId)).toBe(shareOfMachine(machine.machineId));
    const shares = Array.from({ length: 5000 }, (_, number) => shareOfMachine(`machine ${number}`));
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...shares)).toBeLessThan(1_000_000);
    for (const limit of [100_000, 500_000, 900_000]) {
      const part = shares.filter((share) => share < limit).length / shares.length;
      expect(Math.abs(part - limit / 1_000_000)).toBeLessThan(0.02);
    }
  });

  test('open one after the other', () => {
    const rollout: Rollout = {
      start: now,
      isPaused: false,
      waves: [
        { sharePerMillion: 10_000, startAfterSeconds: 0 },
        { sharePerMillion: 500_000, startAfterSeconds: hour },
      ],
    };
    expect([0, 9999, 10_000, 499_999, 500_000].map((share) => opensAt(rollout, share))).toEqual([
      now,
      now,
      now + hour,
      now + hour,
      undefined,
    ]);
  });
});

describe('maintenance windows', () => {
  const night: MaintenanceWindow = { days: [], startMinute: 23 * 60, lengthMinutes: 180 };
  const sunday: MaintenanceWindow = { days: ['sunday'], startMinute: 0, lengthMinutes: 60 };
  test.each<[string, MaintenanceWindow[], number, number]>([
    ['none: always', [], 0, 0],
    ['later today', [night], 0, 14 * hour],
    ['open since before midnight', [night], 16 * hour, 16 * hour],
    ['just over', [night], 17 * hour, 38 * hour],
    ['tomorrow is Sunday', [sunday], 0, 15 * hour],
    ['open on Sunday', [sunday], 15 * hour + 1800, 15 * hour + 1800],
    ['next Sunday', [sunday], 16 * hour, 15 * hour + 7 * day],
    ['whichever comes first', [sunday, night], 0, 14 * hour],
  ])('%s', (_name, windows, after, expected) => {
    expect(nextOpening(windows, now + after) - now).toBe(expected);
  });
});

describe('a bundle from anywhere', () => {
  const installed = { compatible: 'minimal-x86-64', version: '2026.11.1', minimumVersion: '2026.10.0' };
  const offered = {
    compatible: 'minimal-x86-64',
    version: '2026.11.2',
    sequence: 202611000002,
    imageSha256: 'image 2026.11.2',
  };

  test.each<[string, Partial<typeof offered>, string]>([
    [
      'BUNDLE_INCOMPATIBLE',
      { compatible: 'minimal-arm64' },
      'it is for minimal-arm64, and this machine is minimal-x86-64',
    ],
    ['BUNDLE_FOREIGN', { sequence: 5 }, 'version 2026.11.2 has sequence 5'],
    [
      'BUNDLE_BELOW_MINIMUM',
      { version: '2026.09.0', sequence: 202609000000 },
      'version 2026.09.0 is below 2026.10.0',
    ],
    [
      'BUNDLE_DOWNGRADE',
      { version: '2026.11.1', sequence: 202611000001 },
      'version 2026.11.1 is not newer than 2026.11.1',
    ],
  ])('%s', (code, change, message) => {
    expect(judgeBundle({ ...offered, ...change }, installed)).toMatchObject({ code, message });
  });

  test('is taken when it is newer', () => {
    expect(judgeBundle(offered, installed)).toBeUndefined();
  });

  test.each<[string, Partial<typeof offered>, string]>([
    ['another image', { imageSha256: 'x' }, 'its image digest is x, and the channel says image 2026.11.2'],
    ['another version', { version: '2026.11.3' }, 'its version is 2026.11.3, and the channel says 2026.11.2'],
    ['another sequence', { sequence: 1 }, 'its sequence is 1, and the channel says 202611000002'],
    ['another kind', { compatible: 'x' }, 'its compatible is x, and the channel says minimal-x86-64'],
  ])('is not the one that the channel names: %s', (_name, change, message) => {
    const accepted = { release: next, expiresAt: now + 1 };
    expect(matchRelease({ ...offered, ...change }, accepted, now)).toMatchObject({
      code: 'BUNDLE_FOREIGN',
      message,
    });
  });

  test('is bound to an index that is still good', () => {
    expect(matchRelease(offered, { release: next, expiresAt: now + 1 }, now)).toBeUndefined();
    expect(matchRelease(offered, { release: next, expiresAt: now }, now)).toMatchObject({
      code: 'INDEX_EXPIRED',
      message: 'the index expired before the installation began',
    });
  });
});
