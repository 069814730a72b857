import type { Metadata, MetaFile, Root } from '@tufjs/models';
import { channelLayout, decodeMark, metadataPath } from '../../../../build/contract/channel.ts';
import {
  digestOfText,
  expiryOf,
  type MetadataRole,
  messageOf,
  metadataLimits,
  type RoleMetadata,
  readMetadata,
  textOfBytes,
  verifyMetadata,
} from './metadata.ts';
import { type Refusal, type RefusalCode, RefusalError } from './refusal.ts';
import { hasRotatedIndexKeys } from './root-keys.ts';
import { type ChannelIndex, indexOf, readRoot, signedAtOf, type TrustedIndex } from './trusted-index.ts';

/** A file to fetch, below the channel's folder. The caller stops reading after `limitBytes` and says `too-large`. */
export interface IndexRequest {
  readonly path: string;
  readonly limitBytes: number;
}

export type IndexReply =
  | { readonly kind: 'content'; readonly bytes: Uint8Array }
  /** The server says 404; or 403, as buckets do that nobody may list. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'failed'; readonly reason: string };

/** `trusted` is to be kept in both cases: a refused refresh may have brought new keys. */
export type RefreshOutcome =
  | {
      readonly kind: 'fresh';
      readonly trusted: TrustedIndex;
      readonly index: ChannelIndex;
      readonly now: number;
    }
  | {
      readonly kind: 'refused';
      readonly trusted: TrustedIndex;
      readonly refusal: Refusal;
      readonly now: number;
    };

/** Lists of keys that one refresh goes through; a machine that missed more needs another refresh. */
const maxRootSteps = 64;

/**
 * The client workflow of The Update Framework, version 1.0.33, 5.3 to 5.6, with nothing of the world in it: it yields the files
 * that it wants and is given them. https://theupdateframework.github.io/specification/v1.0.33/#detailed-client-workflow
 *
 * `clock` and `builtAt` (of the booted image) in seconds: time is the latest of the two and of the newest signature seen,
 * so a clock that was reset makes nothing old look fresh.
 */
export function* refreshIndex(options: {
  readonly trusted: TrustedIndex;
  readonly clock: number;
  readonly builtAt: number;
}): Generator<IndexRequest, RefreshOutcome, IndexReply> {
  let { trusted } = options;
  let now = Math.max(options.clock, options.builtAt);
  try {
    for (let step = 0; step < maxRootSteps; step++) {
      const next = yield* fetchNextRoot(trusted);
      if (next === undefined) break;
      trusted = next;
    }
    const root = readRoot(trusted.root);
    // Only now: new keys have made the machine forget times that a thief of the old ones may have signed.
    now = Math.max(now, signedAtOf(trusted));
    // 5.3.10
    if (expiryOf(root) <= now) {
      throw new RefusalError(
        'ROOT_EXPIRED',
        `root.json: version ${root.signed.version} expired on ${root.signed.expires}`,
      );
    }
    trusted = yield* fetchTimestamp(trusted, root, now);
    trusted = yield* fetchSnapshot(trusted, root, now);
    trusted = yield* fetchTargets(trusted, root, now);
    return { kind: 'fresh', trusted, index: indexOf(trusted) as ChannelIndex, now };
  } catch (error) {
    const refused =
      error instanceof RefusalError ? error : new RefusalError('INDEX_MALFORMED', messageOf(error));
    return { kind: 'refused', trusted, refusal: refused.toRefusal(), now };
  }
}

/** 5.3.2 to 5.3.9, once; `undefined` when there is no newer root. */
function* fetchNextRoot(
  trusted: TrustedIndex,
): Generator<IndexRequest, TrustedIndex | undefined, IndexReply> {
  const before = readRoot(trusted.root);
  const version = before.signed.version + 1;
  const text = yield* fetchFile('root', metadataPath('root', version), metadataLimits.root);
  if (text === undefined) return undefined;
  const after = readRoot(text);
  verifyMetadata(before, 'root', after);
  verifyMetadata(after, 'root', after);
  if (after.signed.version !== version) {
    throw new RefusalError(
      'ROOT_SKIPPED',
      `root.json: it has version ${after.signed.version}, not ${version}`,
    );
  }
  // 5.3.11: who took the old keys may have counted up as far as numbers go.
  return hasRotatedIndexKeys(before, after)
    ? { format: 1, channel: trusted.channel, root: text }
    : { ...trusted, root: text };
}

/** 5.4 */
function* fetchTimestamp(
  trusted: TrustedIndex,
  root: Metadata<Root>,
  now: number,
): Generator<IndexRequest, TrustedIndex, IndexReply> {
  const text = yield* fetchFile('timestamp', channelLayout.timestamp, metadataLimits.timestamp);
  if (text === undefined) throw missing(channelLayout.timestamp);
  const fresh = readMetadata('timestamp', text);
  verifyMetadata(root, 'timestamp', fresh);
  checkChannel('timestamp', fresh, trusted.channel);
  if (trusted.timestamp === undefined) {
    checkExpiry('timestamp', fresh, now);
    return { ...trusted, timestamp: text };
  }
  const seen = readMetadata('timestamp', trusted.timestamp);
  checkNotOlder('timestamp', seen.signed.version, fresh.signed.version);
  checkNotOlder('snapshot', seen.signed.snapshotMeta.version, fresh.signed.snapshotMeta.version);
  // 5.4.3: the same version again is no news.
  const isSame = fresh.signed.version === seen.signed.version;
  checkExpiry('timestamp', isSame ? seen : fresh, now);
  return isSame ? trusted : { ...trusted, timestamp: text };
}

/** 5.5 */
function* fetchSnapshot(
  trusted: TrustedIndex,
  root: Metadata<Root>,
  now: number,
): Generator<IndexRequest, TrustedIndex, IndexReply> {
  const { snapshotMeta } = readMetadata('timestamp', trusted.timestamp as string).signed;
  const text = yield* fetchNamed('snapshot', snapshotMeta, trusted.snapshot);
  const fresh = readMetadata('snapshot', text);
  verifyMetadata(root, 'snapshot', fresh);
  checkChannel('snapshot', fresh, trusted.channel);
  checkVersion('snapshot', snapshotMeta.version, fresh);
  if (trusted.snapshot !== undefined) {
    const seen = readMetadata('snapshot', trusted.snapshot);
    for (const [name, meta] of Object.entries(seen.signed.meta)) {
      checkNotOlder(name.replace(/\.json$/, ''), meta.version, fresh.signed.meta[name]?.version ?? 0);
    }
  }
  checkExpiry('snapshot', fresh, now);
  return { ...trusted, snapshot: text };
}

/** 5.6, without delegations. */
function* fetchTargets(
  trusted: TrustedIndex,
  root: Metadata<Root>,
  now: number,
): Generator<IndexRequest, TrustedIndex, IndexReply> {
  const { meta } = readMetadata('snapshot', trusted.snapshot as string).signed;
  const targetsMeta = meta['targets.json'];
  if (targetsMeta === undefined)
    throw new RefusalError('INDEX_MALFORMED', 'snapshot.json: it does not name targets.json');
  const text = yield* fetchNamed('targets', targetsMeta, trusted.targets);
  const fresh = readMetadata('targets', text);
  verifyMetadata(root, 'targets', fresh);
  checkChannel('targets', fresh, trusted.channel);
  checkVersion('targets', targetsMeta.version, fresh);
  checkExpiry('targets', fresh, now);
  const next = { ...trusted, targets: text };
  indexOf(next);
  return next;
}

/** The file that another one names with version, length and digest; what is kept is not fetched again. */
function* fetchNamed(
  role: 'snapshot' | 'targets',
  meta: MetaFile,
  kept: string | undefined,
): Generator<IndexRequest, string, IndexReply> {
  const { length, hashes, version } = meta;
  const digest = hashes?.sha256;
  if (length === undefined || digest === undefined || !Number.isSafeInteger(version)) {
    throw new RefusalError('INDEX_MALFORMED', `${role}.json: its version, length or digest is not told`);
  }
  if (length > metadataLimits[role]) {
    throw new RefusalError(
      'INDEX_TOO_LARGE',
      `${role}.json: ${length} bytes are more than ${metadataLimits[role]}`,
    );
  }
  if (kept?.length === length && digestOfText(kept) === digest) return kept;
  const path = metadataPath(role, version);
  const text = yield* fetchFile(role, path, length);
  if (text === undefined) throw missing(path);
  if (text.length !== length || digestOfText(text) !== digest) {
    throw new RefusalError('INDEX_MIXED', `${role}.json: it is not the file that was signed for`);
  }
  return text;
}

function* fetchFile(
  role: MetadataRole,
  path: string,
  limitBytes: number,
): Generator<IndexRequest, string | undefined, IndexReply> {
  const reply = yield { path, limitBytes };
  if (reply.kind === 'missing') return undefined;
  if (reply.kind === 'failed') throw new RefusalError('INDEX_UNREACHABLE', `${path}: ${reply.reason}`);
  if (reply.kind === 'too-large' || reply.bytes.length > limitBytes) {
    throw new RefusalError('INDEX_TOO_LARGE', `${path}: it is larger than ${limitBytes} bytes`);
  }
  return textOfBytes(role, reply.bytes);
}

function missing(path: string): RefusalError {
  return new RefusalError('INDEX_UNREACHABLE', `${path}: there is no such file`);
}

function checkChannel(role: MetadataRole, metadata: RoleMetadata, channel: string): void {
  let found: string;
  try {
    found = decodeMark(metadata.signed.unrecognizedFields ?? {}).channel;
  } catch (error) {
    throw new RefusalError('INDEX_MALFORMED', `${role}.json: ${messageOf(error)}`);
  }
  if (found !== channel) {
    throw new RefusalError('INDEX_FOREIGN', `${role}.json: it is of channel ${found}, not ${channel}`);
  }
}

function checkNotOlder(name: string, seen: number, found: number): void {
  if (found < seen)
    throw new RefusalError('INDEX_OLDER', `${name}.json: version ${found} is older than ${seen}`);
}

function checkVersion(
  role: MetadataRole,
  told: number,
  metadata: RoleMetadata,
  code: RefusalCode = 'INDEX_MIXED',
): void {
  const { version } = metadata.signed;
  if (version !== told) throw new RefusalError(code, `${role}.json: it has version ${version}, not ${told}`);
}

function checkExpiry(role: MetadataRole, metadata: RoleMetadata, now: number): void {
  if (expiryOf(metadata) > now) return;
  throw new RefusalError('INDEX_EXPIRED', `${role}.json: it expired on ${metadata.signed.expires}`);
}
