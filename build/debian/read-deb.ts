import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
// A CommonJS module that Node cannot look into for names.
import xzDecompress from 'xz-decompress';
import { KeelsonError } from '../errors/keelson-error.ts';
import { type ArMember, readArMembers } from './read-ar.ts';

/** Far above what Debian has; a package that passes one of them is hostile or broken. */
export interface DebLimits {
  readonly controlBytes: number;
  readonly dataBytes: number;
  readonly entries: number;
}

export const defaultDebLimits: DebLimits = {
  controlBytes: 16 * 1024 * 1024,
  dataBytes: 8 * 1024 * 1024 * 1024,
  entries: 500_000,
};

/** One member of a package's data archive. */
export interface DebEntry {
  /** Absolute, normalised, without `..`; as the package spells it (not mapped to merged-/usr). `/` is the root folder. */
  readonly path: string;
  readonly type: 'file' | 'folder' | 'link' | 'hard-link' | 'character-device' | 'block-device' | 'fifo';
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** A link's target as stored; a hard link's as an absolute normalised path; else empty. */
  readonly target: string;
  readonly major: number;
  readonly minor: number;
  /** Bytes of a file, to be read before the next entry is asked for; what is not read is skipped. */
  readonly content: AsyncIterable<Buffer>;
}

export interface Deb {
  /** The control stanza's fields, names as Debian writes them. */
  readonly control: Readonly<Record<string, string>>;
  /** In the archive's order; can be walked once. */
  readonly entries: AsyncIterable<DebEntry>;
}

/** Reads a binary package, deb(5). Its content is not trusted: DEB_INVALID for anything odd. */
export async function readDeb(path: string, limits: DebLimits = defaultDebLimits): Promise<Deb> {
  const members = await debMembers(path);
  return {
    control: await readControl(path, members.control, limits),
    entries: readEntries(path, members.data, limits),
  };
}

/** Writes the package's data archive, uncompressed. */
export async function extractDataTar(
  debPath: string,
  tarPath: string,
  limits: DebLimits = defaultDebLimits,
): Promise<void> {
  const { data } = await debMembers(debPath);
  const source = memberStream(debPath, data);
  const target = createWriteStream(tarPath, { flags: 'wx' });
  try {
    await pipeline(decompressed(debPath, data, source), limitedTo(debPath, limits.dataBytes), target);
  } catch (error) {
    throw asDebError(debPath, error);
  } finally {
    source.destroy();
  }
}

async function debMembers(path: string): Promise<{ control: ArMember; data: ArMember }> {
  const members = await readArMembers(path);
  const [version, ...rest] = members;
  const control = rest.find(({ name }) => name.startsWith('control.tar'));
  const data = rest.find(({ name }) => name.startsWith('data.tar'));
  if (version?.name !== 'debian-binary' || control === undefined || data === undefined) {
    throw invalidDeb(path, 'it is not a Debian binary package');
  }
  return { control, data };
}

async function readControl(path: string, member: ArMember, limits: DebLimits) {
  for await (const entry of readTar(path, member, limits.controlBytes, limits.entries)) {
    if (entry.path !== '/control' || entry.type !== 'file') continue;
    const chunks: Buffer[] = [];
    for await (const chunk of entry.content) chunks.push(chunk);
    return parseControl(Buffer.concat(chunks).toString('utf8'));
  }
  throw invalidDeb(path, 'it has no control file');
}

/** One stanza of deb-control(5); continuation lines stay joined by newlines. */
export function parseControl(text: string): Record<string, string> {
  const fields: Record<string, string> = Object.create(null);
  let last: string | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const colon = line.indexOf(':');
    if (/^[ \t]/.test(line) && last !== undefined) fields[last] += `\n${line}`;
    else if (colon > 0) {
      last = line.slice(0, colon);
      fields[last] = line.slice(colon + 1).trim();
    }
  }
  return fields;
}

function readEntries(path: string, member: ArMember, limits: DebLimits) {
  return readTar(path, member, limits.dataBytes, limits.entries);
}

async function* readTar(
  path: string,
  member: ArMember,
  maxBytes: number,
  maxEntries: number,
): AsyncGenerator<DebEntry> {
  const reader = extract();
  const source = memberStream(path, member);
  const fed = pipeline(decompressed(path, member, source), limitedTo(path, maxBytes), reader);
  // The reader reports the same fault; this promise must not be an unhandled one meanwhile.
  fed.catch(() => undefined);
  let count = 0;
  try {
    for await (const stream of reader) {
      count += 1;
      if (count > maxEntries) throw invalidDeb(path, `it has more than ${maxEntries} entries`);
      yield asEntry(path, stream.header, stream as unknown as Readable);
      stream.resume();
    }
    await fed;
  } catch (error) {
    throw asDebError(path, error);
  } finally {
    // Whoever stops half-way must not leave the file open.
    source.destroy();
  }
}

/** Faults of the computer's own disk stay what they are. */
function asDebError(path: string, error: unknown): unknown {
  if (error instanceof KeelsonError || (error as { syscall?: string }).syscall !== undefined) return error;
  return invalidDeb(path, 'its archive is damaged', error);
}

const entryTypes: Readonly<Record<string, DebEntry['type']>> = {
  file: 'file',
  'contiguous-file': 'file',
  directory: 'folder',
  symlink: 'link',
  link: 'hard-link',
  'character-device': 'character-device',
  'block-device': 'block-device',
  fifo: 'fifo',
};

function asEntry(debPath: string, header: Header, content: Readable): DebEntry {
  const type = entryTypes[header.type ?? ''];
  if (type === undefined) throw invalidDeb(debPath, `${header.name} is of an unknown type`);
  const target = header.linkname ?? '';
  if (type === 'link' && (target === '' || target.includes('\0') || target.length > 4095)) {
    throw invalidDeb(debPath, `the link ${header.name} has no usable target`);
  }
  return {
    path: normalised(debPath, header.name),
    type,
    mode: (header.mode ?? 0) & 0o7777,
    uid: header.uid ?? 0,
    gid: header.gid ?? 0,
    sizeBytes: type === 'file' ? (header.size ?? 0) : 0,
    target: type === 'hard-link' ? normalised(debPath, target) : type === 'link' ? target : '',
    major: header.devmajor ?? 0,
    minor: header.devminor ?? 0,
    content,
  };
}

function normalised(debPath: string, name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || name.includes('\0') || parts.some((part) => part.length > 255)) {
    throw invalidDeb(debPath, `it has an entry named ${JSON.stringify(name)}`);
  }
  return `/${parts.join('/')}`;
}

function memberStream(debPath: string, member: ArMember): Readable {
  return Readable.from(memberBytes(debPath, member), { objectMode: false });
}

function decompressed(debPath: string, member: ArMember, compressed: Readable): Readable {
  const [, suffix] = /\.tar(?:\.(\w+))?$/.exec(member.name) ?? [];
  if (suffix === undefined) return compressed;
  if (suffix === 'gz') return piped(compressed, createGunzip());
  if (suffix === 'zst') return piped(compressed, createZstdDecompress());
  if (suffix === 'xz') {
    const xz = new xzDecompress.XzReadableStream(Readable.toWeb(compressed) as never);
    return Readable.fromWeb(xz as unknown as WebStream);
  }
  throw invalidDeb(debPath, `${member.name} is compressed in an unknown way`);
}

function piped(source: Readable, transform: Transform): Readable {
  source.on('error', (error) => transform.destroy(error));
  return source.pipe(transform);
}

async function* memberBytes(debPath: string, member: ArMember): AsyncGenerator<Buffer> {
  const file = await open(debPath, 'r');
  try {
    let position = member.offsetBytes;
    const end = member.offsetBytes + member.sizeBytes;
    while (position < end) {
      const buffer = Buffer.allocUnsafe(Math.min(256 * 1024, end - position));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) throw invalidDeb(debPath, 'it ends too early');
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

function limitedTo(debPath: string, maxBytes: number): Transform {
  let total = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.length;
      if (total > maxBytes) done(invalidDeb(debPath, `it unpacks to more than ${maxBytes} bytes`));
      else done(null, chunk);
    },
  });
}

function invalidDeb(path: string, reason: string, cause?: unknown): KeelsonError {
  return new KeelsonError({
    code: 'DEB_INVALID',
    class: 'environment',
    message: `Cannot read package ${path}: ${reason}`,
    hint: 'Remove the file; it is fetched again.',
    cause,
  });
}
