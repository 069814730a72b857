import type { ChannelRelease, RolloutWave } from '../contract/channel.ts';
import { compareVersions } from '../contract/release-version.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { UpdateBundle } from '../update/update-bundle.ts';
import { oneWave } from './waves.ts';

/** What of an update bundle a channel tells. */
export type BundleFacts = Pick<
  UpdateBundle,
  'path' | 'sizeBytes' | 'sha256' | 'compatible' | 'version' | 'sequence' | 'imageSha256' | 'imageSizeBytes'
>;

export interface ReleaseChange {
  readonly bundles: readonly BundleFacts[];
  /** Seconds since the epoch: when the waves of what is new begin. */
  readonly start: number;
  /** All at once for what is new, and as they were for what is not, when left out. */
  readonly waves?: readonly RolloutWave[];
  /** Stops or lets go on: what is named, or everything when no bundle is. */
  readonly pause?: boolean;
  /** Machines install nothing older from now on; as before when left out. */
  readonly minimumVersion?: string;
  /** Newer releases are withdrawn. */
  readonly isOlderAllowed: boolean;
  /** Releases of each compatible that stay on offer, for machines that the newest has not reached. */
  readonly keep: number;
}

/** What a channel will offer. Throws CHANNEL_WOULD_GO_BACK, RELEASE_CHANGED, MINIMUM_ABOVE_RELEASE. */
export function planReleases(
  current: readonly ChannelRelease[],
  change: ReleaseChange,
): readonly ChannelRelease[] {
  let planned = current;
  for (const bundle of change.bundles.toSorted((one, other) => one.sequence - other.sequence))
    planned = addBundle(planned, bundle, change);
  if (change.bundles.length === 0) {
    const { pause, waves, minimumVersion } = change;
    planned = planned.map((release) => ({
      ...release,
      minimumVersion: minimumVersion ?? release.minimumVersion,
      rollout: {
        ...release.rollout,
        ...(pause === undefined ? {} : { isPaused: pause }),
        ...(waves === undefined ? {} : { waves }),
      },
    }));
  }
  checkMinimum(planned);
  return dropOld(planned, change.keep).sort(
    (one, other) => compareText(one.compatible, other.compatible) || one.sequence - other.sequence,
  );
}

function addBundle(
  current: readonly ChannelRelease[],
  bundle: BundleFacts,
  change: ReleaseChange,
): readonly ChannelRelease[] {
  const own = current
    .filter(({ compatible }) => compatible === bundle.compatible)
    .sort((one, other) => one.sequence - other.sequence);
  const newer = own.filter(({ sequence }) => sequence > bundle.sequence);
  const [tooNew] = newer;
  if (tooNew !== undefined && !change.isOlderAllowed) {
    throw new KeelsonError({
      code: 'CHANNEL_WOULD_GO_BACK',
      class: 'input',
      message: `Cannot publish ${bundle.compatible} ${bundle.version}: the channel is at ${own.at(-1)?.version}`,
      hint: 'Publish a newer version. --allow-older withdraws the newer ones; machines that have them keep them.',
    });
  }
  const same = own.find(({ sequence }) => sequence === bundle.sequence);
  if (same !== undefined && same.imageSha256 !== bundle.imageSha256) {
    throw new KeelsonError({
      code: 'RELEASE_CHANGED',
      class: 'input',
      message: `Cannot publish ${bundle.compatible} ${bundle.version}: the channel has another image under that version`,
      hint: 'Raise the version in the recipe and build again: machines that have it would not take it a second time.',
    });
  }
  const before = own.filter(({ sequence }) => sequence < bundle.sequence).at(-1);
  const release: ChannelRelease = {
    version: bundle.version,
    sequence: bundle.sequence,
    compatible: bundle.compatible,
    sha256: bundle.sha256,
    sizeBytes: bundle.sizeBytes,
    imageSha256: bundle.imageSha256,
    imageSizeBytes: bundle.imageSizeBytes,
    minimumVersion: change.minimumVersion ?? (same ?? before)?.minimumVersion ?? bundle.version,
    rollout: {
      start: same?.rollout.start ?? change.start,
      isPaused: change.pause ?? same?.rollout.isPaused ?? false,
      waves: change.waves ?? same?.rollout.waves ?? oneWave,
    },
  };
  return [...current.filter((other) => other !== same && !newer.includes(other)), release];
}

/** Older releases may be shut out, the newest of each kind not: then machines would have nothing to go to. */
function checkMinimum(releases: readonly ChannelRelease[]): void {
  const wrong = releases.find(
    (release) =>
      compareVersions(release.minimumVersion, release.version) > 0 &&
      newerThan(release, releases).length === 0,
  );
  if (wrong === undefined) return;
  throw new KeelsonError({
    code: 'MINIMUM_ABOVE_RELEASE',
    class: 'input',
    message: `Cannot set the minimum version to ${wrong.minimumVersion}: ${wrong.compatible} is at ${wrong.version}`,
    hint: 'Publish a release at or above it first.',
  });
}

function newerThan(release: ChannelRelease, releases: readonly ChannelRelease[]): readonly ChannelRelease[] {
  return releases.filter(
    ({ compatible, sequence }) => compatible === release.compatible && sequence > release.sequence,
  );
}

function dropOld(releases: readonly ChannelRelease[], keep: number): ChannelRelease[] {
  return releases.filter(
    (release) =>
      compareVersions(release.minimumVersion, release.version) <= 0 &&
      newerThan(release, releases).length < keep,
  );
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
