import { createReadStream } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeDurably } from '../host/write-durably.ts';
import type { Destination, PublishedContent } from './destination.ts';
import { tooLarge, unreadable, unwritable } from './destination-error.ts';

/** A folder of this computer, absolute; made when it is missing. */
export function folderDestination(folder: string): Destination {
  const at = (path: string) => join(folder, path);
  return {
    name: folder,
    async read(path, limitBytes) {
      try {
        const file = await open(at(path));
        try {
          const { size } = await file.stat();
          if (size > limitBytes) throw tooLarge(limitBytes);
          return await file.readFile();
        } finally {
          await file.close();
        }
      } catch (cause) {
        if (isAbsent(cause)) return undefined;
        throw unreadable(folder, path, cause, false);
      }
    },
    async sizeOf(path) {
      try {
        return (await stat(at(path))).size;
      } catch (cause) {
        if (isAbsent(cause)) return undefined;
        throw unreadable(folder, path, cause, false);
      }
    },
    async write(path, content) {
      await write(at(path), content).catch((cause: unknown) => {
        throw unwritable(folder, path, cause, false);
      });
    },
    close: async () => {},
  };
}

async function write(path: string, content: PublishedContent): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeDurably(path, {
    content: 'bytes' in content ? content.bytes : piecesOf(content.file),
    mode: 0o644,
  });
}

/** Opened when the first piece is asked for: a stream that is open before somebody listens has nobody to tell that it failed. */
async function* piecesOf(file: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(file) as AsyncIterable<Uint8Array>;
}

function isAbsent(cause: unknown): boolean {
  const { code } = cause as { code?: string };
  return code === 'ENOENT' || code === 'ENOTDIR';
}
