import { createHash } from 'node:crypto';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { writeStream } from './write-stream.ts';

test.each([[[]], [[3]], [[700_000, 700_000, 5]], [[3_000_000]]])('pieces of %j bytes', async (sizes) => {
  const folder = await mkdtemp(join(tmpdir(), 'write-stream-'));
  const pieces = sizes.map((size, index) => Buffer.alloc(size, index + 1));
  const whole = Buffer.concat(pieces);
  async function* stream() {
    yield* pieces;
  }
  const file = await open(join(folder, 'data'), 'w');
  try {
    expect(await writeStream(file, stream(), 4)).toEqual({
      sizeBytes: whole.length,
      sha256: createHash('sha256').update(whole).digest('hex'),
    });
  } finally {
    await file.close();
  }
  expect((await readFile(join(folder, 'data'))).subarray(4).equals(whole)).toBe(true);
  await rm(folder, { recursive: true });
});
