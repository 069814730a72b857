import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Recipe } from '../recipe/recipe.ts';
import { checkImageBudget } from './check-image-budget.ts';
import { deriveGuid } from './derive-guid.ts';
import { partitionScript } from './partition-script.ts';
import { planDisk } from './plan-disk.ts';
import { readGpt } from './read-gpt.ts';
import { copyIntoSparse, digestFile, writeSparseFile } from './sparse-file.ts';

const mebibyte = 1024 ** 2;

function recipeWith(disk: Partial<Recipe['disk']> = {}): Recipe {
  return {
    name: 'minimal',
    argument: 'minimal',
    version: '2026.11.1',
    architecture: 'x86-64',
    place: { file: 'recipe.yaml' },
    disk: {
      espSizeBytes: 64 * mebibyte,
      slotSizeBytes: undefined,
      headRoom: 2,
      compression: 'zstd',
      reserveBytes: undefined,
      stateSizeBytes: 128 * mebibyte,
      ...disk,
    },
  } as Recipe;
}

const content = {
  slotImageBytes: 35 * mebibyte,
  contentId: 'ab'.repeat(32),
  espFileBytes: 15 * mebibyte,
  ukiBytes: 14 * mebibyte,
};

describe('plan of a disk', () => {
  test('ESP, two slots of twice the content, state, each at a whole MiB; then the reserve', () => {
    const plan = planDisk(recipeWith(), content);
    expect(
      plan.partitions.map(({ label, offsetBytes, sizeBytes }) => [
        label,
        offsetBytes / mebibyte,
        sizeBytes / mebibyte,
      ]),
    ).toEqual([
      ['esp', 1, 64],
      ['root-a', 65, 80],
      ['root-b', 145, 80],
      ['state', 225, 128],
    ]);
    expect(plan.sizeBytes).toBe((354 + 160) * mebibyte);
  });

  test.each<[string, Partial<Recipe['disk']>, number, number]>([
    ['as large as the image, in steps of 16 MiB', { headRoom: 1, reserveBytes: 0 }, 48, 0],
    ['three times as large', { headRoom: 3 }, 112, 224],
    ['of a given size', { slotSizeBytes: 36 * mebibyte }, 36, 72],
    ['of a given size, with little reserve', { slotSizeBytes: 36 * mebibyte, reserveBytes: mebibyte }, 36, 1],
  ])('slots %s', (_name, disk, slotMebibytes, reserveMebibytes) => {
    const plan = planDisk(recipeWith(disk), content);
    expect(plan.partitions[2]?.sizeBytes).toBe(slotMebibytes * mebibyte);
    expect(plan.sizeBytes).toBe((1 + 64 + 2 * slotMebibytes + 128 + reserveMebibytes + 1) * mebibyte);
  });

  test('the last block of a slot is not the image’s', () => {
    const full = { ...content, slotImageBytes: 32 * mebibyte };
    expect(planDisk(recipeWith({ headRoom: 1 }), full).partitions[1]?.sizeBytes).toBe(48 * mebibyte);
    expect(() => planDisk(recipeWith({ slotSizeBytes: 32 * mebibyte }), full)).toThrow(
      expect.objectContaining({
        code: 'SLOT_TOO_SMALL',
        hint: 'Set disk.slotSize to 33MiB or more (twice that leaves room for updates), or remove it.',
      }),
    );
  });

  test('GUIDs come from name, version and content, and are valid', () => {
    const guids = (id: string) =>
      planDisk(recipeWith(), { ...content, contentId: id }).partitions.map(({ guid }) => guid);
    expect(guids('x')).toEqual(guids('x'));
    expect(new Set([...guids('x'), ...guids('y')]).size).toBe(8);
    expect(deriveGuid('a')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(deriveGuid('a', 'b')).not.toBe(deriveGuid('ab'));
  });

  test('a root larger than the slot', () => {
    const slotSizePlace = { file: 'recipe.yaml', line: 7, column: 13 };
    expect(() => planDisk(recipeWith({ slotSizeBytes: 32 * mebibyte, slotSizePlace }), content)).toThrow(
      expect.objectContaining({
        code: 'SLOT_TOO_SMALL',
        message:
          'Cannot write the root to its slot: root and kernel of minimal take 35.0 MiB, the slot has 32.0 MiB',
        hint: 'Set disk.slotSize to 36MiB or more (twice that leaves room for updates), or remove it.',
        place: slotSizePlace,
      }),
    );
  });

  test('an ESP without room for an update', () => {
    expect(() => planDisk(recipeWith({ espSizeBytes: 40 * mebibyte }), content)).toThrow(
      expect.objectContaining({
        code: 'ESP_TOO_SMALL',
        message:
          'Cannot fit the boot files on the EFI system partition: with room for an update they take 45.0 MiB, it has 40.0 MiB',
        hint: 'Set disk.espSize to 45MiB or more.',
      }),
    );
  });

  test('sfdisk has nothing to make up', () => {
    const plan = planDisk(recipeWith(), content);
    const lines = partitionScript(plan).split('\n');
    expect(lines[0]).toBe('label: gpt');
    expect(lines[1]).toBe(`label-id: ${plan.diskGuid}`);
    expect(lines[6]).toBe(
      `start=2048, size=131072, type=c12a7328-f81f-11d2-ba4b-00a0c93ec93b, uuid=${plan.partitions[0]?.guid}, name="esp"`,
    );
  });
});

test('an image over its budget', () => {
  const place = { file: 'recipe.yaml', line: 9, column: 17 };
  const sizes = {
    ukiBytes: 13 * mebibyte,
    rootBytes: 30 * mebibyte,
    parts: [
      { part: 'base', sizeBytes: 9 * mebibyte },
      { part: 'service update', sizeBytes: 31 * mebibyte },
      { part: 'kernel modules', sizeBytes: 20 * mebibyte },
    ],
  };
  const budgetOf = (sizeBytes: number) => recipeWith({ imageBudget: { sizeBytes, place } });
  expect(() => checkImageBudget(recipeWith(), sizes)).not.toThrow();
  expect(() => checkImageBudget(budgetOf(43 * mebibyte), sizes)).not.toThrow();
  expect(() => checkImageBudget(budgetOf(42 * mebibyte), sizes)).toThrow(
    expect.objectContaining({
      code: 'IMAGE_BUDGET_EXCEEDED',
      message:
        'Cannot keep minimal within its budget of 42.0 MiB: it takes 43.0 MiB (kernel image 13.0 MiB, root 30.0 MiB)',
      hint: 'Take something out, or raise disk.imageBudget. The largest parts of the root, before compression: service update 31.0 MiB, kernel modules 20.0 MiB, base 9.0 MiB. `keelson show minimal --size` says where each megabyte is.',
      place,
    }),
  );
});

describe('partition table', () => {
  const diskBytes = mebibyte;

  function makeTable(change: (disk: Buffer, seal: () => void) => void = () => undefined): Buffer {
    const disk = Buffer.alloc(diskBytes);
    const entries = disk.subarray(1024, 1024 + 128 * 128);
    entries.write('28732ac11ff8d211ba4b00a0c93ec93b', 0, 'hex');
    entries.write('78563412341278569abc0102030405ff', 16, 'hex');
    entries.writeBigUInt64LE(64n, 32);
    entries.writeBigUInt64LE(127n, 40);
    entries.write('esp', 56, 'utf16le');
    disk.write('EFI PART', 512);
    disk.writeUInt32LE(92, 512 + 12);
    disk.writeBigUInt64LE(2n, 512 + 72);
    disk.writeUInt32LE(128, 512 + 80);
    disk.writeUInt32LE(128, 512 + 84);
    const seal = () => {
      disk.writeUInt32LE(crc32(entries), 512 + 88);
      disk.writeUInt32LE(0, 512 + 16);
      disk.writeUInt32LE(crc32(disk.subarray(512, 512 + 92)), 512 + 16);
    };
    seal();
    change(disk, seal);
    return disk;
  }

  const read = (disk: Buffer) =>
    readGpt('x.raw', disk.length, (offset, size) =>
      disk.subarray(offset, Math.min(offset + size, disk.length)),
    );

  test('is read with its GUIDs, the first three fields turned', () => {
    expect(read(makeTable()).partitions).toEqual([
      {
        label: 'esp',
        typeGuid: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
        guid: '12345678-1234-5678-9abc-0102030405ff',
        offsetBytes: 32768,
        sizeBytes: 32768,
      },
    ]);
  });

  test.each<[string, string, (disk: Buffer, seal: () => void) => void]>([
    ['none', 'it has no GUID partition table', (disk) => disk.fill(0)],
    [
      'huge header',
      'its partition table is damaged (size of the header)',
      (disk) => disk.writeUInt32LE(4096, 524),
    ],
    [
      'flipped bit',
      'its partition table is damaged (checksum of the header)',
      (disk) => disk.writeUInt8(1, 512 + 60),
    ],
    [
      'many entries',
      'its partition table is damaged (number of entries)',
      (disk, seal) => {
        disk.writeUInt32LE(0xffffff, 512 + 80);
        seal();
      },
    ],
    [
      'entries elsewhere',
      'its partition table is damaged (place of the entries)',
      (disk, seal) => {
        disk.writeBigUInt64LE(2n ** 60n, 512 + 72);
        seal();
      },
    ],
    [
      'flipped entry',
      'its partition table is damaged (checksum of the entries)',
      (disk) => disk.writeUInt8(1, 1024),
    ],
    [
      'partition outside',
      'its partition table is damaged (partition 1 leads outside of the disk)',
      (disk, seal) => {
        disk.writeBigUInt64LE(2n ** 50n, 1024 + 40);
        seal();
      },
    ],
  ])('refuses %s: %s', (_name, reason, change) => {
    expect(() => read(makeTable(change))).toThrow(
      expect.objectContaining({ code: 'DISK_INVALID', message: `Cannot read the disk x.raw: ${reason}` }),
    );
  });
});

describe('sparse files', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'disk-test-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('zeros take no space and read as zeros', async () => {
    const source = Buffer.concat([Buffer.from('begin'), Buffer.alloc(4 * mebibyte), Buffer.from('end')]);
    await writeFile(join(folder, 'source'), source);
    const path = join(folder, 'sparse');
    await writeSparseFile(path, 8 * mebibyte, (file) =>
      copyIntoSparse(file, join(folder, 'source'), mebibyte),
    );
    const written = await readFile(path);
    expect(written.subarray(mebibyte, mebibyte + source.length).equals(source)).toBe(true);
    expect(written.length).toBe(8 * mebibyte);
    expect((await stat(path)).blocks * 512).toBeLessThan(mebibyte);
    expect(await digestFile(join(folder, 'source'))).toMatch(/^[0-9a-f]{64}$/);
  });

  test('stops when the user interrupts', async () => {
    const aborted = AbortSignal.abort(new Error('interrupted'));
    const copying = writeSparseFile(join(folder, 'never'), mebibyte, (file) =>
      copyIntoSparse(file, join(folder, 'source'), 0, aborted),
    );
    await expect(copying).rejects.toThrow('interrupted');
  });
});
