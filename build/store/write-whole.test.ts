import type { FileHandle } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { writeWhole } from './write-whole.ts';

/** A disk that takes three bytes at a time and is full after seven. */
function nearlyFullDisk(limit = 7) {
  const content: number[] = [];
  const write = async (bytes: Uint8Array, offset: number, length: number, position: number | null) => {
    const count = Math.min(3, length, limit - content.length);
    if (count === 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    const at = position ?? content.length;
    for (let index = 0; index < count; index++) content[at + index] = bytes[offset + index] ?? 0;
    return { bytesWritten: count, buffer: bytes };
  };
  return { content, file: { write } as unknown as Pick<FileHandle, 'write'> };
}

test.each([[undefined], [0]])('goes on after a short write, at %p', async (position) => {
  const { content, file } = nearlyFullDisk();
  await writeWhole(file, Buffer.from([1, 2, 3, 4, 5, 6, 7]), position);
  expect(content).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test('a short write is no end: what does not fit is an error', async () => {
  const writing = writeWhole(nearlyFullDisk().file, Buffer.alloc(8), 0);
  await expect(writing).rejects.toMatchObject({ code: 'ENOSPC' });
});
