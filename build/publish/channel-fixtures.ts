import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { sequenceOf } from '../contract/release-version.ts';
import type { Destination, PublishedContent } from './destination.ts';
import type { PublishOptions } from './lay-out-channel.ts';
import type { ChannelKeys, RoleKeys } from './make-root.ts';
import { makeRoot, rootThreshold } from './make-root.ts';
import type { BundleFacts } from './plan-releases.ts';
import type { MetadataSigner } from './sign-metadata.ts';

/** For tests: the same name gives the same Ed25519 key. */
export function testSigner(name: string): MetadataSigner {
  const seed = createHash('sha256').update(name).digest();
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
  const key = createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' });
  return {
    publicKeyPem: createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString(),
    sign: async (bytes) => sign(null, bytes, key),
  };
}

export interface TestKeys {
  readonly root: readonly MetadataSigner[];
  readonly targets: readonly MetadataSigner[];
  readonly snapshot: readonly MetadataSigner[];
  readonly timestamp: readonly MetadataSigner[];
}

/** Three root keys and one of each other role; `change` names keys that are others than the first generation. */
export function testKeys(change: Partial<Record<keyof TestKeys, string>> = {}): TestKeys {
  const one = (role: keyof TestKeys) => [testSigner(`${role} ${change[role] ?? 'first'}`)];
  const generation = change.root ?? 'first';
  return {
    root: [1, 2, 3].map((number) => testSigner(`root ${generation} ${number}`)),
    targets: one('targets'),
    snapshot: one('snapshot'),
    timestamp: one('timestamp'),
  };
}

export function channelKeys(keys: TestKeys): ChannelKeys {
  const role = (signers: readonly MetadataSigner[], threshold = 1): RoleKeys => ({
    publicKeysPem: signers.map(({ publicKeyPem }) => publicKeyPem),
    threshold,
  });
  return {
    root: role(keys.root, rootThreshold),
    targets: role(keys.targets),
    snapshot: role(keys.snapshot),
    timestamp: role(keys.timestamp),
  };
}

/** 21 November 2026, 09:00 UTC. */
export const testNow = 1_795_251_600;
export const day = 86_400;

export async function testRoot(
  keys: TestKeys = testKeys(),
  previous?: { readonly text: string; readonly keys: TestKeys },
): Promise<string> {
  const signers = [...keys.root.slice(0, 2), ...(previous?.keys.root.slice(0, 2) ?? [])];
  const expiresAt = testNow + 1000 * day;
  return (await makeRoot({ keys: channelKeys(keys), expiresAt, previous: previous?.text, signers })).text;
}

export interface MemoryDestination extends Destination {
  readonly files: Map<string, Buffer>;
  /** Paths in the order of writing. */
  readonly writes: string[];
}

export function memoryDestination(files = new Map<string, Buffer>()): MemoryDestination {
  const writes: string[] = [];
  return {
    name: 'memory',
    files,
    writes,
    read: async (path) => files.get(path),
    sizeOf: async (path) => files.get(path)?.length,
    write: async (path: string, content: PublishedContent) => {
      writes.push(path);
      files.set(path, 'bytes' in content ? content.bytes : Buffer.alloc(content.sizeBytes));
    },
    close: async () => {},
  };
}

export function testBundle(version: string, change: Partial<BundleFacts> = {}): BundleFacts {
  const digest = (text: string) =>
    createHash('sha256')
      .update(`${change.compatible ?? ''}${version} ${text}`)
      .digest('hex');
  return {
    path: `/bundles/${version}.raucb`,
    sizeBytes: 100,
    sha256: digest('bundle'),
    compatible: 'minimal-x86-64',
    version,
    sequence: sequenceOf(version) ?? 0,
    imageSha256: digest('image'),
    imageSizeBytes: 4096,
    ...change,
  };
}

export async function testOptions(change: Partial<PublishOptions> = {}): Promise<PublishOptions> {
  const { targets, snapshot, timestamp } = testKeys();
  return {
    destination: memoryDestination(),
    channel: 'stable',
    roots: [await testRoot()],
    signers: { targets, snapshot, timestamp },
    now: testNow,
    lifetimes: { timestamp: 7 * day, release: 90 * day },
    ...change,
  };
}

export const testChange = { isOlderAllowed: false, keep: 3 } as const;
