import { Metadata, MetadataKind, Root } from '@tufjs/models';
import { messageOf, readMetadata, verifyMetadata } from '../../rootfs/programs/shared/tuf/metadata.ts';
import { readRoot } from '../../rootfs/programs/shared/tuf/trusted-index.ts';
import { formatInstant } from '../contract/channel.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import {
  type MetadataFile,
  type MetadataSigner,
  metadataFile,
  metadataKey,
  signMetadata,
  specVersion,
} from './sign-metadata.ts';

export interface RoleKeys {
  readonly publicKeysPem: readonly string[];
  readonly threshold: number;
}

/** Who may sign what: the content of a root. */
export interface ChannelKeys {
  readonly root: RoleKeys;
  readonly targets: RoleKeys;
  readonly snapshot: RoleKeys;
  readonly timestamp: RoleKeys;
}

/** Of three root keys two must agree; every other role has one that signs. */
export const rootThreshold = 2;

/** The file that names the keys, not yet signed; version 1, or the one after `previous`. */
export function draftRoot(options: {
  readonly keys: ChannelKeys;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  /** Text of the root before. */
  readonly previous?: string | undefined;
}): Root {
  const version = options.previous === undefined ? 1 : readRoot(options.previous).signed.version + 1;
  const roles = Object.entries(options.keys) as [keyof ChannelKeys, RoleKeys][];
  const keysOf = ({ publicKeysPem }: RoleKeys) => publicKeysPem.map(metadataKey);
  return Root.fromJSON({
    spec_version: specVersion,
    version,
    expires: formatInstant(options.expiresAt),
    consistent_snapshot: true,
    keys: Object.fromEntries(
      roles.flatMap(([, role]) => keysOf(role).map((key) => [key.keyID, key.toJSON()])),
    ),
    roles: Object.fromEntries(
      roles.map(([name, role]) => [
        name,
        { keyids: keysOf(role).map(({ keyID }) => keyID), threshold: role.threshold },
      ]),
    ),
  });
}

/**
 * Adds signatures to a root, which may be far from complete: offline keys need not come together. `text` is a draft or what
 * an earlier call gave.
 */
export async function signRoot(text: string, signers: readonly MetadataSigner[]): Promise<MetadataFile> {
  const metadata = readMetadata('root', text);
  return signMetadata(metadata.signed, signers, metadata.signatures);
}

/** A draft as text that `signRoot` takes. */
export function writeDraft(root: Root): string {
  return JSON.stringify(new Metadata(root).toJSON());
}

/** Whether machines that trust `previous` will take `text` (specification, 5.3.4 and 5.3.5); the reason when not. */
export function rootFault(text: string, previous: string | undefined): string | undefined {
  try {
    const root = readRoot(text);
    verifyMetadata(root, MetadataKind.Root, root);
    if (previous === undefined) return undefined;
    const before = readRoot(previous);
    verifyMetadata(before, MetadataKind.Root, root);
    return root.signed.version === before.signed.version + 1
      ? undefined
      : `root.json: version ${root.signed.version} does not follow ${before.signed.version}`;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * Drafts and signs a root with as many signers as machines want to see, passing over those whose keys are not at hand;
 * CHANNEL_ROOT_UNSIGNED when that are too few.
 */
export async function makeRoot(options: {
  readonly keys: ChannelKeys;
  readonly expiresAt: number;
  readonly previous?: string | undefined;
  /** Of the new root keys, and of the previous ones. */
  readonly signers: readonly MetadataSigner[];
}): Promise<MetadataFile> {
  const { previous } = options;
  let file = metadataFile(readMetadata('root', writeDraft(draftRoot(options))));
  const faults: KeelsonError[] = [];
  for (const signer of options.signers) {
    if (rootFault(file.text, previous) === undefined) return file;
    try {
      file = await signRoot(file.text, [signer]);
    } catch (error) {
      if (!(error instanceof KeelsonError)) throw error;
      faults.push(error);
    }
  }
  const fault = rootFault(file.text, previous);
  if (fault === undefined) return file;
  throw new KeelsonError({
    code: 'CHANNEL_ROOT_UNSIGNED',
    class: 'input',
    message: `Cannot make a root for the channel: ${fault}`,
    hint: `Have ${rootThreshold} of the root keys at hand, and after a rotation ${rootThreshold} of those before.`,
    cause: faults[0],
  });
}

/** Whether a root names exactly these keys. */
export function rootNames(text: string, keys: ChannelKeys): boolean {
  const { signed } = readRoot(text);
  return (Object.entries(keys) as [keyof ChannelKeys, RoleKeys][]).every(([name, role]) => {
    const wanted = role.publicKeysPem.map((pem) => metadataKey(pem).keyID).sort();
    const found = signed.roles[name];
    return found?.threshold === role.threshold && [...found.keyIDs].sort().join() === wanted.join();
  });
}
