import type { ChannelRelease } from '../../../../build/contract/channel.ts';
import { compareVersions, sequenceOf } from '../../../../build/contract/release-version.ts';
import { type Refusal, refusal } from './refusal.ts';

/** What a bundle says of itself, under RAUC's signature; in a pre-install handler, its environment. */
export interface OfferedBundle {
  readonly compatible: string;
  readonly version: string;
  readonly sequence: number;
  readonly imageSha256: string;
}

/** What a machine holds against a bundle, wherever that came from. */
export interface InstalledRelease {
  readonly compatible: string;
  /** Of the booted slot. */
  readonly version: string;
  /** The largest of what the image, the state and the channel say. */
  readonly minimumVersion: string;
}

/** Whether this machine may install that, from a channel or by hand; `undefined` means yes. */
export function judgeBundle(
  offered: Pick<OfferedBundle, 'compatible' | 'version' | 'sequence'>,
  installed: InstalledRelease,
): Refusal | undefined {
  if (offered.compatible !== installed.compatible) {
    return refusal(
      'BUNDLE_INCOMPATIBLE',
      `it is for ${offered.compatible}, and this machine is ${installed.compatible}`,
    );
  }
  if (sequenceOf(offered.version) !== offered.sequence) {
    return refusal('BUNDLE_FOREIGN', `version ${offered.version} has sequence ${offered.sequence}`);
  }
  if (compareVersions(offered.version, installed.minimumVersion) < 0) {
    return refusal('BUNDLE_BELOW_MINIMUM', `version ${offered.version} is below ${installed.minimumVersion}`);
  }
  if (compareVersions(offered.version, installed.version) <= 0) {
    return refusal('BUNDLE_DOWNGRADE', `version ${offered.version} is not newer than ${installed.version}`);
  }
  return undefined;
}

/**
 * Binds an installation to the index: what RAUC is about to write is what the channel named, and the channel's word is still
 * good. `undefined` means yes.
 */
export function matchRelease(
  offered: OfferedBundle,
  accepted: { readonly release: ChannelRelease; readonly expiresAt: number },
  now: number,
): Refusal | undefined {
  const { release, expiresAt } = accepted;
  if (now >= expiresAt) return refusal('INDEX_EXPIRED', 'the index expired before the installation began');
  const differences = (
    [
      ['compatible', offered.compatible, release.compatible],
      ['version', offered.version, release.version],
      ['sequence', offered.sequence, release.sequence],
      ['image digest', offered.imageSha256, release.imageSha256],
    ] as const
  ).filter(([, found, wanted]) => found !== wanted);
  const [first] = differences;
  if (first === undefined) return undefined;
  return refusal('BUNDLE_FOREIGN', `its ${first[0]} is ${first[1]}, and the channel says ${first[2]}`);
}
