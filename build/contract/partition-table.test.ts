import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readGpt } from '../disk/read-gpt.ts';
import { openRealWorkshop } from '../testing/real-workshop.ts';
import type { ToolsTree } from '../tools/tools-tree.ts';
import {
  addPartition,
  decodeTable,
  encodeTable,
  isSameTable,
  listPartitions,
  movePartition,
  type PartitionTable,
  primarySector,
} from './partition-table.ts';

const mebibyte = 1024 ** 2;
const script = `label: gpt
label-id: 11111111-2222-4333-8444-555555555555
first-lba: 34
start=2048, size=8192, type=c12a7328-f81f-11d2-ba4b-00a0c93ec93b, name="esp"
start=10240, size=8192, type=4f68bce3-e8cd-4db1-96e7-fbcaf984b709, name="root-a"
start=18432, size=8192, type=4f68bce3-e8cd-4db1-96e7-fbcaf984b709, name="root-b", attrs="GUID:60"
`;

/** The tool of the field makes tables that we read, and reads those that we make. */
describe.each([
  ['sectors of 512 bytes', 512],
  ['sectors of 4096 bytes', 4096],
])('%s', (_name, sectorBytes) => {
  const geometry = { sectorBytes, sectors: (16 * mebibyte) / sectorBytes };
  let folder = '';
  let disk = '';
  let tools: ToolsTree;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'table-test-'));
    disk = join(folder, 'disk');
    tools = await (await openRealWorkshop()).openTools('image');
    const file = await open(disk, 'wx');
    await file.truncate(geometry.sectors * sectorBytes);
    await file.close();
    const unit = sectorBytes === 512 ? script : script.replaceAll(/(start|size)=(\d+)/g, scaled);
    await sfdisk(['--quiet'], unit.replace('first-lba: 34', `first-lba: ${sectorBytes === 512 ? 34 : 6}`));
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const scaled = (_match: string, key: string, value: string) => `${key}=${Number(value) / 8}`;
  const sfdisk = (words: readonly string[], input = '') =>
    tools.run(
      {
        file: '/usr/sbin/sfdisk',
        arguments: ['--sector-size', String(sectorBytes), '--no-reread', '--no-tell-kernel', ...words, disk],
        writable: [folder],
      },
      { input },
    );
  const listed = async () => {
    const { stdout } = await sfdisk(['--json']);
    return JSON.parse(stdout).partitiontable;
  };
  const decodeFrom = (bytes: Buffer, sector: number) =>
    decodeTable(
      (start, count) => bytes.subarray(start * sectorBytes, (start + count) * sectorBytes),
      sector,
      geometry,
    );
  const decode = async (sector: number) => decodeFrom(await contentOf(disk), sector);
  const write = async (table: PartitionTable) => {
    const { primary, backup } = encodeTable(table, geometry);
    const file = await open(disk, 'r+');
    for (const { sector, bytes } of [primary, backup]) {
      await file.write(bytes, 0, bytes.length, sector * sectorBytes);
    }
    await file.close();
  };
  const part = (mebibytes: number) => (mebibytes * mebibyte) / sectorBytes;

  test('what sfdisk writes is read, and encoding it again changes no byte', async () => {
    const [primary, backup] = [await decode(primarySector), await decode(geometry.sectors - 1)];
    if (primary === undefined || backup === undefined) throw new Error('a copy is not read');
    expect(isSameTable(primary, backup)).toBe(true);
    expect(primary.alternateSector).toBe(geometry.sectors - 1);
    expect(listPartitions(primary)).toEqual([
      { number: 1, label: 'esp', startSector: part(1), sizeSectors: part(4) },
      { number: 2, label: 'root-a', startSector: part(5), sizeSectors: part(4) },
      { number: 3, label: 'root-b', startSector: part(9), sizeSectors: part(4) },
    ]);
    const before = await contentOf(disk);
    await write(primary);
    expect((await contentOf(disk)).equals(before)).toBe(true);
  });

  test('sfdisk and our own reader find what was moved and added, and no fault', async () => {
    const before = await listed();
    const table = await decode(primarySector);
    if (table === undefined) throw new Error('no table');
    const moved = movePartition(table, 3, part(10), part(2));
    const added = addPartition(moved, {
      label: 'state',
      startSector: part(12),
      sizeSectors: part(3),
      typeGuid: '0fc63daf-8483-4772-8e79-3d69d8477de4',
      guid: '01234567-89ab-4cde-8f01-23456789abcd',
    });
    expect(added?.number).toBe(4);
    await write(added?.table ?? table);
    const verified = await sfdisk(['--verify']);
    expect(verified.stdout + verified.stderr).toContain('No errors detected');
    const after = await listed();
    expect(after.partitions.slice(0, 2)).toEqual(before.partitions.slice(0, 2));
    expect(after.partitions[2]).toEqual({ ...before.partitions[2], start: part(10), size: part(2) });
    expect(after.partitions[3]).toMatchObject({
      name: 'state',
      start: part(12),
      size: part(3),
      type: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
      uuid: '01234567-89AB-4CDE-8F01-23456789ABCD',
    });
    expect(after).toMatchObject({ id: before.id, firstlba: before.firstlba, lastlba: before.lastlba });
    if (sectorBytes !== 512) return;
    const bytes = await contentOf(disk);
    const { partitions } = readGpt(disk, bytes.length, (at, size) => bytes.subarray(at, at + size));
    expect(partitions.map(({ label }) => label)).toEqual(['esp', 'root-a', 'root-b', 'state']);
  });

  test('each torn copy is known as such, and the other one stands', async () => {
    const bytes = await contentOf(disk);
    const backupSector = geometry.sectors - 1;
    const entries = (sectors: number) => (sector: number) => (sector + sectors) * sectorBytes;
    for (const [sector, entriesAt] of [
      [primarySector, entries(1)(primarySector)],
      [backupSector, entries(-16384 / sectorBytes)(backupSector)],
    ] as const) {
      for (const at of [sector * sectorBytes + 20, sector * sectorBytes + 60, entriesAt + 130]) {
        const byte = bytes.readUInt8(at);
        bytes.writeUInt8(byte ^ 0x40, at);
        expect(decodeFrom(bytes, sector)).toBeUndefined();
        expect(decodeFrom(bytes, sector === primarySector ? backupSector : primarySector)).toBeDefined();
        bytes.writeUInt8(byte, at);
      }
    }
  });
});

async function contentOf(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(size);
    await file.read(bytes, 0, size, 0);
    return bytes;
  } finally {
    await file.close();
  }
}

test('sectors beyond 2^32, and labels of full length', () => {
  const empty: PartitionTable = {
    diskGuid: new Uint8Array(16),
    firstUsableSector: 34,
    entryBytes: 128,
    entries: new Uint8Array(128 * 2),
  };
  const wanted = {
    label: 'x'.repeat(36),
    startSector: 2 ** 40,
    sizeSectors: 2 ** 33,
    typeGuid: '0fc63daf-8483-4772-8e79-3d69d8477de4',
    guid: '01234567-89ab-4cde-8f01-23456789abcd',
  };
  const one = addPartition(empty, wanted)?.table ?? empty;
  const { label, startSector, sizeSectors } = wanted;
  expect(listPartitions(one)).toEqual([{ number: 1, label, startSector, sizeSectors }]);
  const two = addPartition(one, { ...wanted, startSector: 64 })?.table ?? one;
  expect(addPartition(two, wanted)).toBeUndefined();
});
