import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import type { Sha256 } from '../store/store.ts';
import type { LayerPacking } from './image-manifest.ts';

/** Far above what honest images have. */
export interface LayerLimits {
  readonly unpackedBytes: number;
  readonly entries: number;
}

export const defaultLayerLimits: LayerLimits = { unpackedBytes: 8 * 1024 ** 3, entries: 500_000 };

/** Why a layer is refused. */
export class LayerFault extends Error {
  override readonly name = 'LayerFault';
}

/** One member of a layer's archive. */
export interface LayerEntry {
  /** Absolute, normalised; `/` is the root itself. */
  readonly path: string;
  readonly type: 'file' | 'folder' | 'link' | 'hard-link' | 'device' | 'pipe';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** A link's target as stored; a hard link's as an absolute normalised path; else empty. */
  readonly target: string;
  /** security.capability, capabilities(7). */
  readonly hasCapabilities: boolean;
  /** Bytes of a file, to be read before the next entry is asked for. */
  readonly content: AsyncIterable<Buffer>;
}

/**
 * Walks a layer, https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md: a tar archive, packed or not. Its content is not
 * trusted: LayerFault for anything odd, and when the whole is not what the image's configuration says.
 */
export async function* readLayer(
  path: string,
  packing: LayerPacking,
  diffSha256: Sha256,
  limits: LayerLimits = defaultLayerLimits,
): AsyncGenerator<LayerEntry> {
  const reader = extract();
  const source = createReadStream(path);
  const hash = createHash('sha256');
  const counted = countInto(hash, limits.unpackedBytes);
  const unpack = unpackers[packing]();
  const fed =
    unpack === undefined ? pipeline(source, counted, reader) : pipeline(source, unpack, counted, reader);
  // The reader tells the same fault; this promise must not be an unhandled one meanwhile.
  fed.catch(() => undefined);
  let count = 0;
  try {
    for await (const stream of reader) {
      count += 1;
      if (count > limits.entries) throw new LayerFault(`a layer has more than ${limits.entries} entries`);
      yield asEntry(stream.header, stream as unknown as Readable);
      stream.resume();
    }
    await fed;
  } catch (error) {
    throw asLayerFault(error);
  } finally {
    source.destroy();
  }
  if (hash.digest('hex') !== diffSha256) throw new LayerFault('a layer is not the one of its configuration');
}

const unpackers = {
  none: () => undefined,
  gzip: () => createGunzip(),
  zstd: () => createZstdDecompress(),
} as const satisfies Record<LayerPacking, () => Transform | undefined>;

function countInto(hash: ReturnType<typeof createHash>, limitBytes: number): Transform {
  let total = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.length;
      hash.update(chunk);
      if (total > limitBytes) done(new LayerFault(`a layer unpacks to more than ${limitBytes} bytes`));
      else done(null, chunk);
    },
  });
}

/** Faults of the computer's own disk stay what they are. */
function asLayerFault(error: unknown): unknown {
  if (error instanceof LayerFault || (error as { syscall?: string }).syscall !== undefined) return error;
  return new LayerFault('the archive of a layer is damaged', { cause: error });
}

const entryTypes: Readonly<Record<string, LayerEntry['type']>> = {
  file: 'file',
  'contiguous-file': 'file',
  directory: 'folder',
  symlink: 'link',
  link: 'hard-link',
  'character-device': 'device',
  'block-device': 'device',
  fifo: 'pipe',
};

/** The largest that Linux has is -1 less, which stands for "none". */
const largestId = 2 ** 32 - 2;

function asEntry(header: Header, content: Readable): LayerEntry {
  const type = entryTypes[header.type ?? ''];
  const { name, linkname: target = '', uid = 0, gid = 0, pax } = header;
  if (type === undefined) throw new LayerFault(`${JSON.stringify(name)} is of an unknown type`);
  if (type === 'link' && (target === '' || target.length > 4095 || hasOddLetters(target))) {
    throw new LayerFault(`the link ${JSON.stringify(name)} has no usable target`);
  }
  if (![uid, gid].every((id) => Number.isInteger(id) && id >= 0 && id <= largestId)) {
    throw new LayerFault(`${JSON.stringify(name)} has no usable owner`);
  }
  return {
    path: normalised(name),
    type,
    mode: (header.mode ?? 0) & 0o7777,
    uid,
    gid,
    sizeBytes: type === 'file' ? (header.size ?? 0) : 0,
    target: type === 'hard-link' ? normalised(target) : type === 'link' ? target : '',
    hasCapabilities: Object.hasOwn(pax ?? {}, 'SCHILY.xattr.security.capability'),
    content,
  };
}

function normalised(name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || hasOddLetters(name) || parts.some((part) => Buffer.byteLength(part) > 255)) {
    throw new LayerFault(`it has an entry named ${JSON.stringify(name)}`);
  }
  return `/${parts.join('/')}`;
}

/** Control characters, and what was no UTF-8. */
function hasOddLetters(text: string): boolean {
  return /[\p{Cc}\ufffd]/u.test(text);
}
