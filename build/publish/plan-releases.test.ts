import { describe, expect, test } from '@jest/globals';
import type { ChannelRelease } from '../contract/channel.ts';
import { testBundle, testChange, testNow } from './channel-fixtures.ts';
import { planReleases, type ReleaseChange } from './plan-releases.ts';
import { parseDuration, parseWaves } from './waves.ts';

const change = (more: Partial<ReleaseChange>): ReleaseChange => ({
  ...testChange,
  bundles: [],
  start: testNow,
  ...more,
});
const bundles = (...versions: string[]) => versions.map((version) => testBundle(version));
const versionsOf = (releases: readonly ChannelRelease[]) => releases.map(({ version }) => version);
const standing = planReleases([], change({ bundles: bundles('2026.11.1', '2026.11.2') }));

describe('releases of a channel', () => {
  test('are all at once and allow nothing older, unless said otherwise', () => {
    expect(planReleases([], change({ bundles: bundles('2026.11.1') }))[0]).toMatchObject({
      minimumVersion: '2026.11.1',
      rollout: {
        start: testNow,
        isPaused: false,
        waves: [{ sharePerMillion: 1_000_000, startAfterSeconds: 0 }],
      },
    });
  });

  test('keep the minimum of the release before', () => {
    expect(standing.map(({ minimumVersion }) => minimumVersion)).toEqual(['2026.11.1', '2026.11.1']);
  });

  test('stay on offer up to a number for each kind of machine', () => {
    const four = planReleases(standing, change({ bundles: bundles('2026.11.3', '2026.11.4') }));
    expect(versionsOf(four)).toEqual(['2026.11.2', '2026.11.3', '2026.11.4']);
    const other = testBundle('2026.11.1', { compatible: 'minimal-arm64' });
    expect(versionsOf(planReleases(four, change({ bundles: [other] })))).toHaveLength(4);
  });

  test('are the same when the same bundle comes again, and take new waves', () => {
    expect(planReleases(standing, change({ bundles: bundles('2026.11.2'), start: testNow + 5 }))).toEqual(
      standing,
    );
    const waves = parseWaves('10%@0,100%@1d');
    const slower = planReleases(
      standing,
      change({ bundles: bundles('2026.11.2'), waves, start: testNow + 5 }),
    );
    expect(slower[1]?.rollout).toEqual({ start: testNow, isPaused: false, waves });
  });

  test('take a bundle that was signed again, and no other image under the same version', () => {
    const signedAgain = testBundle('2026.11.2', { sha256: 'ab'.repeat(32) });
    expect(planReleases(standing, change({ bundles: [signedAgain] }))[1]?.sha256).toBe('ab'.repeat(32));
    const changed = testBundle('2026.11.2', { imageSha256: 'cd'.repeat(32) });
    expect(() => planReleases(standing, change({ bundles: [changed] }))).toThrow(
      'Cannot publish minimal-x86-64 2026.11.2: the channel has another image under that version',
    );
  });

  test('that a raised minimum shuts out are no longer offered', () => {
    expect(versionsOf(planReleases(standing, change({ minimumVersion: '2026.11.2' })))).toEqual([
      '2026.11.2',
    ]);
    expect(() => planReleases(standing, change({ minimumVersion: '2026.12.0' }))).toThrow(
      'Cannot set the minimum version to 2026.12.0: minimal-x86-64 is at 2026.11.2',
    );
  });
});

describe('waves', () => {
  test.each<[string, [number, number][]]>([
    ['100%@0', [[1_000_000, 0]]],
    [
      '1%@0,10%@1h,100%@1d',
      [
        [10_000, 0],
        [100_000, 3600],
        [1_000_000, 86_400],
      ],
    ],
    [
      ' 0.5%@30m , 50%@1w',
      [
        [5000, 1800],
        [500_000, 604_800],
      ],
    ],
  ])('%s', (text, expected) => {
    expect(parseWaves(text).map((wave) => [wave.sharePerMillion, wave.startAfterSeconds])).toEqual(expected);
  });

  test.each([
    ['', '"" is not of the form 10%@1h'],
    ['10%', '"10%" is not of the form 10%@1h'],
    ['10@1h', '"10@1h" is not of the form 10%@1h'],
    ['10%@5', '"10%@5" is not of the form 10%@1h'],
    ['0%@0', '"0%@0" is not of the form 10%@1h'],
    ['101%@0', '101% is more than all'],
    ['10%@0,5%@1h', 'each wave must be larger and later than the one before'],
    ['10%@1h,50%@1h', 'each wave must be larger and later than the one before'],
  ])('refuses %j: %s', (text, reason) => {
    expect(() => parseWaves(text)).toThrow(`Cannot read the waves: ${reason}`);
  });

  test('durations', () => {
    expect(['7d', '36h', '0', '5', 'd', '-1h', '1.5h'].map(parseDuration)).toEqual([
      604_800,
      129_600,
      0,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
