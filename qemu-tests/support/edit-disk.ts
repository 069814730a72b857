import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  decodeTable,
  encodeTable,
  listPartitions,
  primarySector,
} from '../../build/contract/partition-table.ts';
import { otherFolders } from '../../build/qemu/machine-files.ts';
import { partitionOf, readBytes } from './partitions.ts';
import type { TestMachine } from './test-machine.ts';

/** Changes to the disk of a machine that is off, by qemu-io. */
async function editDisk(machine: TestMachine, commands: readonly string[]): Promise<void> {
  const { files, workshop } = machine;
  const tools = await workshop.openTools('image');
  const base = files.baseDiskPath;
  await tools.run({
    file: '/usr/bin/qemu-io',
    arguments: ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), files.diskPath],
    writable: [files.folder],
    readOnly: base === undefined ? [] : otherFolders(files.folder, [base]),
  });
}

function baseOf(machine: TestMachine): string {
  const { baseDiskPath } = machine.files;
  if (baseDiskPath === undefined) throw new Error('the machine has no base disk');
  return baseDiskPath;
}

/** Every bit of one byte is turned; `offset` counts from the start of the partition. */
export async function flipByte(machine: TestMachine, label: string, offset: number): Promise<void> {
  const partition = await partitionOf(baseOf(machine), label);
  const at = partition.offsetBytes + offset;
  const [byte = 0] = await readBytes(baseOf(machine), at, 1);
  await editDisk(machine, [`write -P ${byte ^ 0xff} ${at} 1`]);
}

/** Writes back what the built disk has there. */
export async function repairByte(machine: TestMachine, label: string, offset: number): Promise<void> {
  const partition = await partitionOf(baseOf(machine), label);
  const at = partition.offsetBytes + offset;
  const [byte = 0] = await readBytes(baseOf(machine), at, 1);
  await editDisk(machine, [`write -P ${byte} ${at} 1`]);
}

/** As if the partition had been overwritten from end to end. */
export async function fillPartition(machine: TestMachine, label: string, byte: number): Promise<void> {
  const { offsetBytes, sizeBytes } = await partitionOf(baseOf(machine), label);
  await editDisk(machine, [`write -P ${byte} ${offsetBytes} ${sizeBytes}`]);
}

/** Takes the partition out of both copies of the table; what it held stays where it is. Of a disk that has the size it was built with. */
export async function removePartition(machine: TestMachine, label: string): Promise<void> {
  const geometry = { sectorBytes: 512, sectors: (await stat(baseOf(machine))).size / 512 };
  const head = await readBytes(baseOf(machine), 0, 1024 * 1024);
  const read = (sector: number, count: number) => head.subarray(sector * 512, (sector + count) * 512);
  const table = decodeTable(read, primarySector, geometry);
  const number = table && listPartitions(table).find((partition) => partition.label === label)?.number;
  if (table === undefined || number === undefined) throw new Error(`there is no partition ${label}`);
  const entries = Uint8Array.from(table.entries);
  entries.fill(0, (number - 1) * table.entryBytes, number * table.entryBytes);
  const { primary, backup } = encodeTable({ ...table, entries }, geometry);
  for (const { sector, bytes } of [primary, backup]) {
    const copy = join(machine.files.folder, 'partition-table');
    await writeFile(copy, bytes);
    await editDisk(machine, [`write -s ${copy} ${sector * 512} ${bytes.length}`]);
    await rm(copy);
  }
}

/** As a power cut leaves the partition table while its primary copy is written: the header is there, its entries are not. */
export async function tearPartitionTable(machine: TestMachine): Promise<void> {
  await editDisk(machine, ['write -P 165 1024 512']);
}

/** Writes what partition `from` held in the built disk to partition `label`, as an update would. */
export async function copyPartition(machine: TestMachine, from: string, label: string): Promise<void> {
  const source = await partitionOf(baseOf(machine), from);
  await writePartition(
    machine,
    label,
    await readBytes(baseOf(machine), source.offsetBytes, source.sizeBytes),
  );
}

/** Writes to the start of a partition. */
export async function writePartition(machine: TestMachine, label: string, content: Buffer): Promise<void> {
  const { offsetBytes } = await partitionOf(baseOf(machine), label);
  const copy = join(machine.files.folder, 'partition-content');
  await writeFile(copy, content);
  await editDisk(machine, [`write -s ${copy} ${offsetBytes} ${content.length}`]);
  await rm(copy);
}
