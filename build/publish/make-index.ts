import { MetaFile, Snapshot, TargetFile, Targets, Timestamp } from '@tufjs/models';
import {
  bundlePath,
  type ChannelRelease,
  encodeMark,
  encodeRelease,
  formatInstant,
} from '../contract/channel.ts';
import { type MetadataFile, type MetadataSigner, signMetadata, specVersion } from './sign-metadata.ts';

/** The three files that say what is new. */
export interface IndexFiles {
  readonly targets: MetadataFile;
  readonly snapshot: MetadataFile;
  readonly timestamp: MetadataFile;
}

export interface IndexSigners {
  readonly targets: readonly MetadataSigner[];
  readonly snapshot: readonly MetadataSigner[];
  readonly timestamp: readonly MetadataSigner[];
}

interface Marked {
  readonly channel: string;
  /** Seconds since the epoch. */
  readonly now: number;
  readonly version: number;
  readonly expiresAt: number;
}

const common = ({ channel, now, version, expiresAt }: Marked) => ({
  specVersion,
  version,
  expires: formatInstant(expiresAt),
  unrecognizedFields: encodeMark({ channel, signedAt: now }) as Record<string, never>,
});

const metaOf = ({ version, sizeBytes, sha256 }: MetadataFile) =>
  new MetaFile({ version, length: sizeBytes, hashes: { sha256 } });

/** What is released. */
export function makeTargets(
  marked: Marked,
  releases: readonly ChannelRelease[],
  signers: readonly MetadataSigner[],
): Promise<MetadataFile> {
  const targets = releases.map((release) => {
    const path = bundlePath(release.sha256);
    const custom = encodeRelease(release) as Record<string, never>;
    return [
      path,
      new TargetFile({
        path,
        length: release.sizeBytes,
        hashes: { sha256: release.sha256 },
        unrecognizedFields: { custom },
      }),
    ] as const;
  });
  return signMetadata(new Targets({ ...common(marked), targets: Object.fromEntries(targets) }), signers);
}

/** Which targets belong to it. */
export function makeSnapshot(
  marked: Marked,
  targets: MetadataFile,
  signers: readonly MetadataSigner[],
): Promise<MetadataFile> {
  return signMetadata(
    new Snapshot({ ...common(marked), meta: { 'targets.json': metaOf(targets) } }),
    signers,
  );
}

/** Which snapshot is the newest. */
export function makeTimestamp(
  marked: Marked,
  snapshot: MetadataFile,
  signers: readonly MetadataSigner[],
): Promise<MetadataFile> {
  return signMetadata(new Timestamp({ ...common(marked), snapshotMeta: metaOf(snapshot) }), signers);
}
