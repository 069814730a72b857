import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface DurableFile {
  readonly content: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Permission bits before the umask, such as 0o644; the owner alone may read it unless told. */
  readonly mode?: number;
}

/**
 * Written aside (`<path>.<hex>.part`), flushed, renamed, and the folder flushed: the power may go away at any moment, and there is the
 * old content or the new one, whole. Throws what node:fs throws, and leaves nothing aside then.
 */
export async function writeDurably(path: string, { content, mode = 0o600 }: DurableFile): Promise<void> {
  const aside = `${path}.${randomBytes(4).toString('hex')}.part`;
  try {
    const file = await open(aside, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
  const folder = await open(dirname(path));
  await folder.sync().finally(() => folder.close());
}
