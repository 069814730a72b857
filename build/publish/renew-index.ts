import { expiryOf, readMetadata, verifyMetadata } from '../../rootfs/programs/shared/tuf/metadata.ts';
import { readRoot } from '../../rootfs/programs/shared/tuf/trusted-index.ts';
import { type ChannelRelease, encodeRelease, metadataPath } from '../contract/channel.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { PublishOptions } from './lay-out-channel.ts';
import { type IndexFiles, makeSnapshot, makeTargets, makeTimestamp } from './make-index.ts';
import type { StandingChannel } from './read-channel.ts';
import { fileOfText, type MetadataFile } from './sign-metadata.ts';

/** Files that are still good stay; the timestamp is always new. */
export async function renewIndex(
  options: PublishOptions,
  standing: StandingChannel | undefined,
  releases: readonly ChannelRelease[],
): Promise<IndexFiles> {
  const { channel, now, lifetimes, signers } = options;
  const marked = (version: number, lifetime: number) => ({
    channel,
    now,
    version,
    expiresAt: now + lifetime,
  });
  const nextVersion = (role: 'targets' | 'snapshot') =>
    freeVersion(options, role, (standing?.index.versions[role] ?? 0) + 1);

  const isUnchanged = isSame(standing?.index.releases ?? [], releases);
  const oldTargets = isUnchanged ? readStandingFile(options, standing, 'targets') : undefined;
  const targets = await renew(options, oldTargets, async () =>
    makeTargets(marked(await nextVersion('targets'), lifetimes.release), releases, signers.targets),
  );
  const isTargetsKept = targets === oldTargets?.file;
  const oldSnapshot = isTargetsKept ? readStandingFile(options, standing, 'snapshot') : undefined;
  const snapshot = await renew(options, oldSnapshot, async () =>
    makeSnapshot(marked(await nextVersion('snapshot'), lifetimes.release), targets, signers.snapshot),
  );
  const version = (standing?.index.versions.timestamp ?? 0) + 1;
  const timestamp = await makeTimestamp(marked(version, lifetimes.timestamp), snapshot, signers.timestamp);
  return { targets, snapshot, timestamp };
}

interface StandingFile {
  readonly file: MetadataFile;
  /** Less than half of its time is left. */
  readonly isDue: boolean;
  readonly isExpired: boolean;
}

/** Makes what is missing or due; what is only due may wait when its key is not at hand, and somebody is told. */
async function renew(
  options: PublishOptions,
  old: StandingFile | undefined,
  make: () => Promise<MetadataFile>,
): Promise<MetadataFile> {
  if (old === undefined || old.isExpired) return make();
  if (!old.isDue) return old.file;
  return make().catch((error: unknown) => {
    if (!(error instanceof KeelsonError)) throw error;
    options.onRenewalFailed?.(error);
    return old.file;
  });
}

/** A file of the standing channel that the newest root vouches for. */
function readStandingFile(
  { roots, now, lifetimes }: PublishOptions,
  standing: StandingChannel | undefined,
  role: 'targets' | 'snapshot',
): StandingFile | undefined {
  const text = standing?.trusted[role];
  if (text === undefined) return undefined;
  const metadata = readMetadata(role, text);
  try {
    verifyMetadata(readRoot(roots.at(-1) ?? ''), role, metadata);
  } catch {
    return undefined;
  }
  const leftSeconds = expiryOf(metadata) - now;
  return {
    file: fileOfText(text, metadata.signed.version),
    isDue: leftSeconds < lifetimes.release / 2,
    isExpired: leftSeconds <= 0,
  };
}

function isSame(one: readonly ChannelRelease[], other: readonly ChannelRelease[]): boolean {
  const textOf = (releases: readonly ChannelRelease[]) =>
    JSON.stringify(releases.map((release) => [release.sha256, encodeRelease(release)]).sort());
  return textOf(one) === textOf(other);
}

/** A publisher that was cut off may have left a file that nothing names; caches may have it, so its name is not used again. */
async function freeVersion(
  { destination, channel }: PublishOptions,
  role: 'targets' | 'snapshot',
  first: number,
): Promise<number> {
  let version = first;
  while ((await destination.sizeOf(`${channel}/${metadataPath(role, version)}`)) !== undefined) version++;
  return version;
}
