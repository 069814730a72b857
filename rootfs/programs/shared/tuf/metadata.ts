import './shims/install-buffer.ts';
import { sha256 } from '@noble/hashes/sha2.js';
import { canonicalize } from '@tufjs/canonical-json';
import {
  Metadata,
  MetadataKind,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '@tufjs/models';
import { parseInstant } from '../../../../build/contract/channel.ts';
import { type RefusalCode, RefusalError } from './refusal.ts';

/**
 * Bytes that are read of each file at most. Far below the limits of other clients: SHA-256 takes 4.5 s for a mebibyte on
 * QuickJS, and a channel of a hundred releases has 60 KiB of targets.
 */
export const metadataLimits = {
  root: 64 * 1024,
  timestamp: 8 * 1024,
  snapshot: 8 * 1024,
  targets: 256 * 1024,
} as const;

export type MetadataRole = keyof typeof metadataLimits;

interface MetadataOf {
  readonly root: Metadata<Root>;
  readonly timestamp: Metadata<Timestamp>;
  readonly snapshot: Metadata<Snapshot>;
  readonly targets: Metadata<Targets>;
}

/** What the four roles have in common. */
export type RoleMetadata = MetadataOf[MetadataRole];

const kinds = {
  root: MetadataKind.Root,
  timestamp: MetadataKind.Timestamp,
  snapshot: MetadataKind.Snapshot,
  targets: MetadataKind.Targets,
} as const satisfies Record<MetadataRole, MetadataKind>;

const malformed = (role: MetadataRole): RefusalCode =>
  role === 'root' ? 'ROOT_MALFORMED' : 'INDEX_MALFORMED';

/** Reads one file; nothing about it is trusted yet. */
export function readMetadata<Role extends MetadataRole>(role: Role, text: string): MetadataOf[Role] {
  try {
    const kind = kinds[role] as MetadataKind.Root;
    const metadata = Metadata.fromJSON(kind, JSON.parse(text)) as unknown as MetadataOf[Role];
    const { version, expires } = metadata.signed;
    if (!Number.isSafeInteger(version) || version < 1) throw new Error('its version is not a number above 0');
    parseInstant(expires);
    return metadata;
  } catch (error) {
    // Whatever a library throws on hostile input, up to a stack that overflows.
    throw new RefusalError(malformed(role), `${role}.json: ${messageOf(error)}`);
  }
}

/** Seconds since the epoch. */
export function expiryOf(metadata: RoleMetadata): number {
  return parseInstant(metadata.signed.expires);
}

/** Specification, 4.2.1: as many keys of the role as its threshold says. */
export function verifyMetadata(root: Metadata<Root>, role: MetadataRole, metadata: RoleMetadata): void {
  try {
    root.verifyDelegate(role, metadata);
  } catch (error) {
    throw new RefusalError(
      role === 'root' ? 'ROOT_UNSIGNED' : 'INDEX_UNSIGNED',
      `${role}.json: ${messageOf(error)}`,
    );
  }
}

/** Our files are ASCII, so that bytes and text are the same on every platform. */
export function textOfBytes(role: MetadataRole, bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    if (byte > 126 || (byte < 32 && byte !== 9 && byte !== 10 && byte !== 13)) {
      throw new RefusalError(malformed(role), `${role}.json: it has characters that are not ASCII`);
    }
    text += String.fromCharCode(byte);
  }
  return text;
}

export function digestOfText(text: string): string {
  return hexOf(sha256(Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff)));
}

/** Specification, 4.2: SHA-256 of the key's canonical form. */
export function keyIdOf(key: object): string {
  return digestOfText(canonicalize(key as Parameters<typeof canonicalize>[0]));
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
