import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ByteSource } from './tree.ts';

/** Bytes that are already in memory. */
export function bytesOf(content: string | Buffer): ByteSource {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return {
    sha256: createHash('sha256').update(bytes).digest('hex'),
    sizeBytes: bytes.length,
    read: async () => bytes,
  };
}

/** Bytes of a file of the project, read once: its digest must be known before it is used. */
export async function bytesOfFile(path: string): Promise<ByteSource> {
  return bytesOf(await readFile(path));
}
