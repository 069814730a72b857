import { releaseVersionPattern, sequenceOf } from './release-version.ts';

/**
 * What a channel tells machines about its releases: the `custom` part of each target in the targets metadata of The Update
 * Framework, and the names of the files around it. Written by `keelson publish`, read by the update agent. Pure.
 */
export const channelLayout = {
  /** Field of `custom`, and of each signed part, that is ours. */
  field: 'keelson',
  bundlesFolder: 'bundles',
  timestamp: 'timestamp.json',
  /** For people; machines never read it and nothing signs it. */
  history: 'history.json',
} as const;

/** Paths below a channel's folder; consistent snapshots (specification, 6.2) put the version first. */
export const metadataPath = (role: 'root' | 'snapshot' | 'targets', version: number): string =>
  `${version}.${role}.json`;

/** Target path, and path below the top of the tree. The name is the digest, so no prefix is added to it. */
export const bundlePath = (sha256: string): string => `${channelLayout.bundlesFolder}/${sha256}.raucb`;

/** Names of channels are folders and parts of URLs. */
export const channelNamePattern = /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/;

/** Shares are whole numbers, for canonical JSON has no others. */
export const wholeShare = 1_000_000;

export interface RolloutWave {
  /** Machines that may take the release, of a million; waves add up by themselves, the last is the largest. */
  readonly sharePerMillion: number;
  /** Counted from the rollout's start. */
  readonly startAfterSeconds: number;
}

export interface Rollout {
  /** Seconds since the epoch. */
  readonly start: number;
  readonly isPaused: boolean;
  /** At least one; both numbers grow. */
  readonly waves: readonly RolloutWave[];
}

/** One release as a channel offers it. */
export interface ChannelRelease {
  readonly version: string;
  /** `sequenceOf(version)`. */
  readonly sequence: number;
  readonly compatible: string;
  /** Of the bundle. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Of the slot image inside: what the machine compares before anything is written. */
  readonly imageSha256: string;
  readonly imageSizeBytes: number;
  /** From now on no machine of this channel installs anything older. */
  readonly minimumVersion: string;
  readonly rollout: Rollout;
}

/** What every signed part but the root's says besides what the specification asks for. */
export interface ChannelMark {
  readonly channel: string;
  /** Seconds since the epoch; a machine's clock is never taken to be earlier. */
  readonly signedAt: number;
}

/** Signed metadata that does not say what it should; the message says where. */
export class ChannelFormatError extends Error {
  override readonly name = 'ChannelFormatError';
}

/** The `custom` part of a target. */
export function encodeRelease(release: ChannelRelease): Record<string, unknown> {
  const { rollout } = release;
  return {
    [channelLayout.field]: {
      format: 1,
      version: release.version,
      sequence: release.sequence,
      compatible: release.compatible,
      image: { sha256: release.imageSha256, size: release.imageSizeBytes },
      minimum_version: release.minimumVersion,
      rollout: {
        start: formatInstant(rollout.start),
        paused: rollout.isPaused,
        waves: rollout.waves.map((wave) => ({
          share: wave.sharePerMillion,
          start_after: wave.startAfterSeconds,
        })),
      },
    },
  };
}

/** Reads a target; what is signed may still be wrong, so every field is checked. */
export function decodeRelease(target: {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string | undefined;
  readonly custom: unknown;
}): ChannelRelease {
  const { sizeBytes, sha256 } = target;
  if (sha256 === undefined || !digestPattern.test(sha256) || target.path !== bundlePath(sha256)) {
    throw new ChannelFormatError('a target has a path that is not its digest');
  }
  const fields = recordOf(recordOf(target.custom, 'custom')[channelLayout.field], 'keelson');
  if (fields.format !== 1) throw new ChannelFormatError('a target has a format other than 1');
  const image = recordOf(fields.image, 'image');
  const version = versionOf(fields.version, 'version');
  if (fields.sequence !== sequenceOf(version)) {
    throw new ChannelFormatError('a target has a sequence that is not its version');
  }
  const compatible = textOf(fields.compatible, /^[a-z0-9][a-z0-9._-]{0,63}$/, 'compatible');
  const minimumVersion = versionOf(fields.minimum_version, 'minimum_version');
  if ((sequenceOf(minimumVersion) ?? 0) > (sequenceOf(version) ?? 0)) {
    throw new ChannelFormatError('a target has a minimum version above its own');
  }
  return {
    version,
    sequence: fields.sequence as number,
    compatible,
    sha256,
    sizeBytes: countOf(sizeBytes, 1, 'length'),
    imageSha256: textOf(image.sha256, digestPattern, 'image.sha256'),
    imageSizeBytes: countOf(image.size, 1, 'image.size'),
    minimumVersion,
    rollout: decodeRollout(fields.rollout),
  };
}

function decodeRollout(value: unknown): Rollout {
  const fields = recordOf(value, 'rollout');
  if (typeof fields.paused !== 'boolean') throw new ChannelFormatError('a target has no good rollout.paused');
  if (!Array.isArray(fields.waves) || fields.waves.length === 0 || fields.waves.length > 64) {
    throw new ChannelFormatError('a target has no good rollout.waves');
  }
  const waves = fields.waves.map((item: unknown) => {
    const wave = recordOf(item, 'rollout.waves');
    return {
      sharePerMillion: countOf(wave.share, 1, 'rollout.waves.share', wholeShare),
      startAfterSeconds: countOf(wave.start_after, 0, 'rollout.waves.start_after'),
    };
  });
  if (!wavesGrow(waves)) throw new ChannelFormatError('a target has waves that do not grow');
  return { start: parseInstant(fields.start), isPaused: fields.paused, waves };
}

/** Later waves must be larger. */
export function wavesGrow(waves: readonly RolloutWave[]): boolean {
  return waves.every((wave, index) => {
    const before = waves[index - 1];
    return (
      before === undefined ||
      (wave.sharePerMillion > before.sharePerMillion && wave.startAfterSeconds > before.startAfterSeconds)
    );
  });
}

export function encodeMark(mark: ChannelMark): Record<string, unknown> {
  return { [channelLayout.field]: { channel: mark.channel, signed_at: formatInstant(mark.signedAt) } };
}

/** From the fields of a signed part that the specification does not name. */
export function decodeMark(fields: Readonly<Record<string, unknown>>): ChannelMark {
  const mark = recordOf(fields[channelLayout.field], channelLayout.field);
  return {
    channel: textOf(mark.channel, channelNamePattern, 'channel'),
    signedAt: parseInstant(mark.signed_at),
  };
}

const instantPattern = /^2[0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z$/;

/** `2026-11-21T09:00:00Z`, the form of the specification's `expires`. */
export function formatInstant(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

export function parseInstant(value: unknown): number {
  const milliseconds =
    typeof value === 'string' && instantPattern.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(milliseconds))
    throw new ChannelFormatError('a time is not of the form 2026-11-21T09:00:00Z');
  return milliseconds / 1000;
}

const digestPattern = /^[0-9a-f]{64}$/;

function recordOf(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ChannelFormatError(`there is no good ${name}`);
  }
  return value as Record<string, unknown>;
}

function textOf(value: unknown, pattern: RegExp, name: string): string {
  if (typeof value !== 'string' || !pattern.test(value))
    throw new ChannelFormatError(`there is no good ${name}`);
  return value;
}

function versionOf(value: unknown, name: string): string {
  return textOf(value, releaseVersionPattern, name);
}

function countOf(value: unknown, least: number, name: string, most = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) {
    throw new ChannelFormatError(`there is no good ${name}`);
  }
  return value;
}
