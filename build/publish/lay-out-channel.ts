import { metadataLimits, readMetadata } from '../../rootfs/programs/shared/tuf/metadata.ts';
import { indexOf, openTrust, type TrustedIndex } from '../../rootfs/programs/shared/tuf/trusted-index.ts';
import { bundlePath, type ChannelRelease, channelLayout, metadataPath } from '../contract/channel.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Destination } from './destination.ts';
import { appendHistory } from './history.ts';
import type { IndexFiles, IndexSigners } from './make-index.ts';
import type { BundleFacts } from './plan-releases.ts';
import { followChannel, type ReadFile, type StandingChannel } from './read-channel.ts';
import { renewIndex } from './renew-index.ts';

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
  const newRoots = await findNewRoots(options, standing);
  const files = await renewIndex(options, standing, layout.releases);
  const trusted = await checkAsMachine(options, standing, files);
  const uploadedBundles = await uploadBundles(destination, layout.bundles);
  const write = (path: string, text: string, kind: 'immutable' | 'current') =>
    destination.write(`${channel}/${path}`, { bytes: Buffer.from(text) }, kind);
  for (const version of newRoots) {
    await write(metadataPath('root', version), roots[version - 1] ?? '', 'immutable');
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

/** Versions of the root that are not there yet; those that are must be the ones in the key folder. */
async function findNewRoots(
  { roots, channel, destination }: PublishOptions,
  standing: StandingChannel | undefined,
): Promise<readonly number[]> {
  const fail = (reason: string) =>
    new KeelsonError({
      code: 'CHANNEL_ROOTS_DIFFER',
      class: 'input',
      message: `Cannot publish channel ${channel}: ${reason}`,
      hint: 'Bring the key folder up to date.',
    });
  const newest = standing?.index.versions.root ?? 0;
  if (newest > roots.length) {
    throw fail(`${destination.name} has root ${newest}, and the key folder only ${roots.length}`);
  }
  const missing: number[] = [];
  for (const [index, text] of roots.entries()) {
    const there = await destination.read(
      `${channel}/${metadataPath('root', index + 1)}`,
      metadataLimits.root,
    );
    if (there === undefined) missing.push(index + 1);
    else if (there.toString() !== text) {
      throw fail(`root ${index + 1} at ${destination.name} is not the one in the key folder`);
    }
  }
  return missing;
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
