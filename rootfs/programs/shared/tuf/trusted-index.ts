import type { Metadata, Root } from '@tufjs/models';
import { type ChannelRelease, decodeMark, decodeRelease } from '../../../../build/contract/channel.ts';
import { expiryOf, messageOf, readMetadata, verifyMetadata } from './metadata.ts';
import { RefusalError } from './refusal.ts';
import { checkRoot, hasRotatedIndexKeys } from './root-keys.ts';

/**
 * What a machine keeps of a channel from one refresh to the next: the last files that it accepted, as text (specification,
 * 5.2, "non-volatile storage"). Plain data; the caller writes it whole and durably.
 */
export interface TrustedIndex {
  readonly format: 1;
  readonly channel: string;
  readonly root: string;
  readonly timestamp?: string;
  readonly snapshot?: string;
  readonly targets?: string;
}

/** What a channel offers, all checked. */
export interface ChannelIndex {
  readonly channel: string;
  /** In the order of their paths. */
  readonly releases: readonly ChannelRelease[];
  /** Seconds since the epoch: when the first of the four files expires. */
  readonly expiresAt: number;
  readonly signedAt: number;
  readonly versions: {
    readonly root: number;
    readonly timestamp: number;
    readonly snapshot: number;
    readonly targets: number;
  };
}

export interface OpenedTrust {
  readonly trusted: TrustedIndex;
  /** Why something that was kept is not used; the machine goes on from its image. */
  readonly notes: readonly string[];
}

/**
 * Joins what the state partition kept (`kept`: text of a TrustedIndex) with the root in the verified image, which wins when it
 * is as new. Damaged or foreign records are forgotten, never an error; the image's own root must be good.
 */
export function openTrust(options: {
  readonly imageRoot: string;
  readonly channel: string;
  readonly kept?: string | undefined;
}): OpenedTrust {
  const { imageRoot, channel } = options;
  const fromImage = readRoot(imageRoot);
  const fresh: TrustedIndex = { format: 1, channel, root: imageRoot };
  if (options.kept === undefined) return { trusted: fresh, notes: [] };
  try {
    const kept = parseKept(options.kept);
    const keptRoot = readRoot(kept.root);
    const isImageNewer = fromImage.signed.version >= keptRoot.signed.version;
    const root = isImageNewer ? imageRoot : kept.root;
    if (kept.channel !== channel) {
      return { trusted: { ...fresh, root }, notes: [`the channel was ${kept.channel} before`] };
    }
    if (isImageNewer && hasRotatedIndexKeys(keptRoot, fromImage)) {
      return { trusted: { ...fresh, root }, notes: ['the image brought new keys'] };
    }
    return { trusted: keepVerified({ ...kept, root }), notes: [] };
  } catch (error) {
    return { trusted: fresh, notes: [`the kept index is damaged: ${messageOf(error)}`] };
  }
}

export function readRoot(text: string): Metadata<Root> {
  const root = readMetadata('root', text);
  checkRoot(root);
  return root;
}

/** Files that the keys of `root` no longer vouch for are dropped, with those that hang on them. */
function keepVerified(kept: TrustedIndex): TrustedIndex {
  const root = readRoot(kept.root);
  const { timestamp, snapshot, targets, ...rest } = kept;
  const isGood = (role: 'timestamp' | 'snapshot' | 'targets', text: string | undefined): text is string => {
    if (text === undefined) return false;
    verifyMetadata(root, role, readMetadata(role, text));
    return true;
  };
  return {
    ...rest,
    ...(isGood('timestamp', timestamp) ? { timestamp } : {}),
    ...(isGood('snapshot', snapshot) ? { snapshot } : {}),
    ...(isGood('targets', targets) ? { targets } : {}),
  };
}

function parseKept(text: string): TrustedIndex {
  const value = JSON.parse(text) as Record<string, unknown> | null;
  const { format, channel, root, timestamp, snapshot, targets } = value ?? {};
  if (format !== 1 || typeof channel !== 'string' || typeof root !== 'string')
    throw new Error('another format');
  const optional = { timestamp, snapshot, targets };
  const texts = Object.entries(optional).filter(([, field]) => field !== undefined);
  if (texts.some(([, field]) => typeof field !== 'string')) throw new Error('another format');
  return { format: 1, channel, root, ...Object.fromEntries(texts) };
}

/** Reads what is trusted as an index; `undefined` when it is not whole. Expiry is not looked at. */
export function indexOf(trusted: TrustedIndex): ChannelIndex | undefined {
  const { timestamp, snapshot, targets } = trusted;
  if (timestamp === undefined || snapshot === undefined || targets === undefined) return undefined;
  const files = {
    root: readRoot(trusted.root),
    timestamp: readMetadata('timestamp', timestamp),
    snapshot: readMetadata('snapshot', snapshot),
    targets: readMetadata('targets', targets),
  };
  if (files.targets.signed.delegations !== undefined) {
    throw new RefusalError('INDEX_MALFORMED', 'targets.json: it delegates to others');
  }
  try {
    return {
      channel: trusted.channel,
      releases: Object.values(files.targets.signed.targets).map((target) =>
        decodeRelease({
          path: target.path,
          sizeBytes: target.length,
          sha256: target.hashes.sha256,
          custom: target.custom,
        }),
      ),
      expiresAt: Math.min(...Object.values(files).map(expiryOf)),
      signedAt: decodeMark(files.timestamp.signed.unrecognizedFields ?? {}).signedAt,
      versions: {
        root: files.root.signed.version,
        timestamp: files.timestamp.signed.version,
        snapshot: files.snapshot.signed.version,
        targets: files.targets.signed.version,
      },
    };
  } catch (error) {
    throw new RefusalError('INDEX_MALFORMED', `targets.json: ${messageOf(error)}`);
  }
}

/** When the newest file that is trusted was signed; 0 when there is none. The real time cannot be earlier. */
export function signedAtOf(trusted: TrustedIndex): number {
  if (trusted.timestamp === undefined) return 0;
  return decodeMark(readMetadata('timestamp', trusted.timestamp).signed.unrecognizedFields ?? {}).signedAt;
}
