import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expiryOf } from '../../rootfs/programs/shared/tuf/metadata.ts';
import { readRoot } from '../../rootfs/programs/shared/tuf/trusted-index.ts';
import { metadataPath } from '../contract/channel.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import { writeDurably } from '../host/write-durably.ts';
import type { KeyRole } from '../keys/key-role.ts';
import { type Keys, recordsOf, signersFor } from '../keys/open-keys.ts';
import {
  type ChannelKeys,
  makeRoot,
  type RoleKeys,
  rootFault,
  rootNames,
  rootThreshold,
} from './make-root.ts';
import { type MetadataSigner, metadataKey } from './sign-metadata.ts';

const day = 86_400;

/** Machines alarm when it ends, and offline keys are needed to renew it: long, and said a quarter of a year before. */
export const rootLifetimeSeconds = 3 * 365 * day;
export const rootWarningSeconds = 90 * day;

/** Below the key folder; public, one file for each version. */
const folderName = 'channel';

/**
 * The list of trusted keys in all its versions, oldest first, ending with one that names the keys as they are now. The first
 * one, and one after a rotation, is made here and needs the offline keys (two of the new, two of those before).
 */
export async function openRoots(
  keys: Keys,
  { isRenewed = false }: { readonly isRenewed?: boolean } = {},
): Promise<readonly string[]> {
  const { host, emit } = keys.workshop;
  const roots = await readRoots(keys);
  const now = Math.floor(host.now() / 1000);
  const wanted = channelKeysOf(keys);
  const newest = roots.at(-1);
  if (newest !== undefined && !isRenewed && rootNames(newest, wanted)) {
    const left = expiryOf(readRoot(newest)) - now;
    if (left < rootWarningSeconds) {
      emit({
        type: 'warning',
        message: `The channel's list of keys ends in ${Math.floor(left / day)} days; then machines alarm`,
        hint: 'Renew it with --renew-root and the offline keys.',
      });
    }
    return roots;
  }
  const before = newest === undefined ? [] : signersFor(keys, 'tuf-root', 'retired');
  const isNamed = ({ publicKeyPem }: MetadataSigner) =>
    newest !== undefined && Object.hasOwn(readRoot(newest).signed.keys, metadataKey(publicKeyPem).keyID);
  const { text } = await makeRoot({
    keys: wanted,
    expiresAt: now + rootLifetimeSeconds,
    previous: newest,
    signers: [...signersFor(keys, 'tuf-root'), ...before.filter(isNamed)],
  });
  const path = pathOf(keys, roots.length + 1);
  await mkdir(join(keys.folder, folderName), { recursive: true, mode: 0o700 });
  await writeDurably(path, { content: text });
  emit({ type: 'note', message: `Version ${roots.length + 1} of the channel's list of keys is in ${path}` });
  return [...roots, text];
}

/** All versions that there are, checked to follow each other; CHANNEL_ROOTS_DAMAGED. */
export async function readRoots(keys: Pick<Keys, 'folder'>): Promise<readonly string[]> {
  const roots: string[] = [];
  for (;;) {
    const path = pathOf(keys, roots.length + 1);
    const text = await readFile(path, 'utf8').catch((error: { code?: string }) => {
      if (error.code === 'ENOENT') return undefined;
      throw damaged(path, String(error));
    });
    if (text === undefined) return roots;
    const fault = rootFault(text, roots.at(-1));
    if (fault !== undefined) throw damaged(path, fault);
    roots.push(text);
  }
}

function pathOf({ folder }: Pick<Keys, 'folder'>, version: number): string {
  return join(folder, folderName, metadataPath('root', version));
}

/** What is announced (`next`) counts from then on, so that the key that follows is known before it signs. */
function channelKeysOf(keys: Keys): ChannelKeys {
  const role = (name: KeyRole, threshold: number): RoleKeys => ({
    publicKeysPem: recordsOf(keys.file, name, 'current', 'next').map(({ publicKeyPem }) => publicKeyPem),
    threshold,
  });
  return {
    root: role('tuf-root', rootThreshold),
    targets: role('tuf-targets', 1),
    snapshot: role('tuf-snapshot', 1),
    timestamp: role('tuf-timestamp', 1),
  };
}

function damaged(path: string, reason: string): KeelsonError {
  return new KeelsonError({
    code: 'CHANNEL_ROOTS_DAMAGED',
    class: 'input',
    message: `Cannot use ${path}: ${reason}`,
    place: { file: path },
    hint: 'Take it from a backup of the key folder, or from the published channel.',
  });
}
