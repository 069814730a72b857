import { readFileSync } from 'node:fs';

/**
 * Reads a small file in this very turn. `node:fs/promises` opens, measures, reads and closes by a turn of a thread each: with the
 * hundreds of files that a warm build reads, and that lie in memory, that takes ten times the processor. Throws as `node:fs` does.
 */
export function readAtOnce(path: string): Buffer {
  return readFileSync(path);
}
