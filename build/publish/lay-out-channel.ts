import {
  expiryOf,
  metadataLimits,
  readMetadata,
  verifyMetadata,
} from '../../rootfs/programs/shared/tuf/metadata.ts';
import {
  indexOf,
  openTrust,
  readRoot,
  type TrustedIndex,
} from '../../rootfs/programs/shared/tuf/trusted-index.ts';
import {
  bundlePath,
  type ChannelRelease,
  channelLayout,
  encodeRelease,
  metadataPath,
} from '../contract/channel.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Destination } from './destination.ts';
import { appendHistory } from './history.ts';
import {
  type IndexFiles,
  type IndexSigners,
  makeSnapshot,
  makeTargets,
  makeTimestamp,
} from './make-index.ts';
import type { BundleFacts } from './plan-releases.ts';
import { followChannel, type ReadFile, type StandingChannel } from './read-channel.ts';
import { fileOfText, type MetadataFile } from './sign-metadata.ts';

/** How long signatures are good for, in seconds. */
export interface Lifetimes {
  /** The timestamp: how long news can be withheld from a machine without it noticing. */
  readonly timestamp: number;
  /** Targets and snapshot. */
  readonly release: number;
}

export const defaultLifetimes: Lifetimes = { timestamp: 7 * 86_400, release: 90 * 86_400 };

export interface PublishOptions {
  readonly destination: Destination;
  readonly channel: string;
  /** Texts of all roots, from version 1 on. */
  readonly roots: readonly string[];
  readonly signers: IndexSigners;
  /** Seconds since the epoch. */
  readonly now: number;
  readonly lifetimes: Lifetimes;
  /** What the publisher saw last (text of a TrustedIndex). */
  readonly record?: string | undefined;
  /** Targets or snapshot should have been signed again, and could not be. */
  readonly onRenewalFailed?: (error: KeelsonError) => void;
}

export interface Publication {
  readonly channel: string;
  readonly releases: readonly ChannelRelease[];
  readonly versions: {
    readonly root: number;
    readonly timestamp: number;
    readonly snapshot: number;
    readonly targets: number;
  };
  /** Seconds since the epoch: when the first of the files expires. */
  readonly expiresAt: number;
  /** Digests of the bundles that were not there yet. */
  readonly uploadedBundles: readonly string[];
  /** To be given as `record` next time. */
  readonly record: string;
}

export interface Layout {
  readonly releases: readonly ChannelRelease[];
  readonly bundles: readonly BundleFacts[];
  /** For the history. */
  readonly action: string;
}

/**
 * Signs what is new and puts it in place, each file before the one that names it: bundles, roots, targets, snapshot, timestamp.
 * Before anything is written the files go through the code that machines run.
 */
export async function layOutChannel(
  options: PublishOptions,
  standing: StandingChannel | undefined,
  layout: Layout,
): Promise<Publication> {
  const { destination, channel, roots } = options;
  refuseOtherRoots(options, standing);
  const files = await makeFiles(options, standing, layout.releases);
  const trusted = await checkAsMachine(options, standing, files);
  const uploadedBundles = await uploadBundles(destination, layout.bundles);
  const write = (path: string, text: string, kind: 'immutable' | 'current') =>
    destination.write(`${channel}/${path}`, { bytes: Buffer.from(text) }, kind);
  for (const [index, text] of roots.entries()) {
    if (index >= (standing?.index.versions.root ?? 0))
      await write(metadataPath('root', index + 1), text, 'immutable');
  }
  for (const role of ['targets', 'snapshot'] as const) {
    const { version, text } = files[role];
    if (version !== standing?.index.versions[role])
      await write(metadataPath(role, version), text, 'immutable');
  }
  await refuseMoved(options, standing);
  await appendHistory(options, layout, files);
  await write(channelLayout.timestamp, files.timestamp.text, 'current');
  return {
    channel,
    releases: layout.releases,
    versions: {
      root: roots.length,
      timestamp: files.timestamp.version,
      snapshot: files.snapshot.version,
      targets: files.targets.version,
    },
    expiresAt: indexOf(trusted)?.expiresAt ?? 0,
    uploadedBundles,
    record: `${JSON.stringify(trusted)}\n`,
  };
}

/** Files that are still good stay; the timestamp is always new. */
async function makeFiles(
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

/** The new files must satisfy a machine that followed the channel, and one that starts from the first root. */
async function checkAsMachine(
  options: PublishOptions,
  standing: StandingChannel | undefined,
  files: IndexFiles,
): Promise<TrustedIndex> {
  const { channel, roots, now } = options;
  const texts = new Map<string, string>([
    ...roots.map((text, index) => [metadataPath('root', index + 1), text] as const),
    [metadataPath('targets', files.targets.version), files.targets.text],
    [metadataPath('snapshot', files.snapshot.version), files.snapshot.text],
    [channelLayout.timestamp, files.timestamp.text],
  ]);
  const read: ReadFile = async (path) => {
    const text = texts.get(path);
    return text === undefined ? undefined : Buffer.from(text);
  };
  const newcomer = openTrust({ imageRoot: roots[0] ?? '', channel }).trusted;
  let trusted = newcomer;
  for (const start of [standing?.trusted, newcomer]) {
    if (start === undefined) continue;
    const outcome = await followChannel({ trusted: start, clock: now, builtAt: 0, read });
    if (outcome.kind === 'fresh') {
      trusted = outcome.trusted;
      continue;
    }
    throw new KeelsonError({
      code: 'CHANNEL_REFUSED',
      class: 'input',
      message: `Cannot publish channel ${channel}: machines would refuse it (${outcome.refusal.code}): ${outcome.refusal.message}`,
      hint: 'Sign with the keys that the newest root names: `keelson keys show` lists them.',
    });
  }
  return trusted;
}

async function uploadBundles(
  destination: Destination,
  bundles: readonly BundleFacts[],
): Promise<readonly string[]> {
  const uploaded: string[] = [];
  for (const { path, sizeBytes, sha256 } of bundles) {
    const target = bundlePath(sha256);
    if ((await destination.sizeOf(target)) === sizeBytes) continue;
    await destination.write(target, { file: path, sizeBytes, sha256 }, 'immutable');
    uploaded.push(sha256);
  }
  return uploaded;
}

/** The destination must have the roots that the publisher has, up to the newest that it was given. */
function refuseOtherRoots(
  { roots, channel, destination }: PublishOptions,
  standing: StandingChannel | undefined,
): void {
  if (standing === undefined) return;
  const { root } = standing.index.versions;
  if (roots[root - 1] === standing.trusted.root) return;
  const isBehind = root > roots.length;
  throw new KeelsonError({
    code: 'CHANNEL_ROOTS_DIFFER',
    class: 'input',
    message: isBehind
      ? `Cannot publish channel ${channel}: ${destination.name} has root ${root}, and the key folder only ${roots.length}`
      : `Cannot publish channel ${channel}: root ${root} at ${destination.name} is not the one in the key folder`,
    hint: 'Bring the key folder up to date.',
  });
}

/** Two publishers at a time: who comes second finds another timestamp, and starts over. */
async function refuseMoved(options: PublishOptions, standing: StandingChannel | undefined): Promise<void> {
  const { destination, channel } = options;
  const path = `${channel}/${channelLayout.timestamp}`;
  const there = await destination.read(path, metadataLimits.timestamp);
  if (standing === undefined ? there === undefined : isStanding(there?.toString(), standing)) return;
  throw new KeelsonError({
    code: 'CHANNEL_MOVED',
    class: 'input',
    message: `Cannot publish channel ${channel}: somebody else published to ${destination.name} at the same time`,
    hint: 'Publish again.',
  });
}

function isStanding(text: string | undefined, standing: StandingChannel): boolean {
  if (text === undefined) return false;
  return readMetadata('timestamp', text).signed.version === standing.index.versions.timestamp;
}
