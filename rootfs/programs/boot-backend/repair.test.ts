// Long because every way in which boot files go wrong is mended on one fake machine.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readSlotTrailer } from '../../../build/contract/slot-layout.ts';
import { writeSlotFixture } from '../../../build/testing/slot-fixture.ts';
import type { Device } from '../device.ts';
import { readBootRepair } from '../shared/boot-repair.ts';
import { type FakeDevice, FakeExit, makeFakeDevice } from '../testing/fake-device.ts';
import { runBootBackend } from './run-boot-backend.ts';

const mountPoint = '/run/keelson/esp';
const root = '/usr/lib/keelson/boot-files';
const loader = 'EFI/BOOT/BOOTX64.EFI';

/** A PE file with nothing but the section that says its version. */
function makeLoader(version: string, filler = 'program'): string {
  const bytes = Buffer.alloc(1024);
  bytes.write('MZ');
  bytes.writeUInt32LE(64, 60);
  bytes.write('PE\0\0', 64);
  bytes.writeUInt16LE(1, 70);
  bytes.write('.sdmagic', 88);
  bytes.writeUInt32LE(100, 96);
  bytes.writeUInt32LE(512, 104);
  bytes.writeUInt32LE(512, 108);
  bytes.write(`#### LoaderInfo: systemd-boot ${version} ####`, 512);
  bytes.write(filler, 700);
  return bytes.toString('latin1');
}

const own = { [loader]: makeLoader('257.13-1'), 'loader/loader.conf': 'timeout 0\n' };
const slots: Record<string, Uint8Array> = {};
const kernels: Record<string, string> = {};
let workFolder: string;

beforeAll(async () => {
  workFolder = await mkdtemp(join(tmpdir(), 'boot-repair-'));
  for (const [slot, version] of [
    ['a', '2026.11.2'],
    ['b', '2026.11.1'],
  ] as const) {
    const { path } = await writeSlotFixture(join(workFolder, slot), { version });
    const bytes = new Uint8Array(await readFile(path));
    const { uki } = readSlotTrailer((offset, size) => bytes.subarray(offset, offset + size));
    slots[slot] = bytes;
    kernels[slot] = latin1(bytes.subarray(uki.offsetBytes, uki.offsetBytes + uki.sizeBytes));
  }
});

afterAll(() => rm(workFolder, { recursive: true, force: true }));

interface MachineOptions {
  /** Paths on the EFI system partition; `undefined`: left out. */
  readonly files?: Readonly<Record<string, string | undefined>>;
  readonly unreadable?: readonly string[];
  /** A command that fails as long as this says so. */
  readonly fails?: (command: string, runs: number) => boolean;
  readonly firstSector?: Uint8Array;
}

/** As `repair` finds it: a machine that runs slot a, with everything in order but for what the options say. */
function makeMachine(options: MachineOptions = {}) {
  const devices: Record<string, Uint8Array> = {
    '/dev/vda1': options.firstSector ?? new Uint8Array(512),
    '/dev/vda2': slots.a as Uint8Array,
    '/dev/vda3': slots.b as Uint8Array,
  };
  const uevent = (label: string) => `DEVTYPE=partition\nPARTNAME=${label}\n`;
  const boot = { format: 1, slot: 'a', askedSlot: 'a', disk: 'vda', partition: 'vda2' };
  const present: Record<string, string | undefined> = {
    ...own,
    'EFI/Linux/a.efi': kernels.a,
    'EFI/Linux/b.efi': kernels.b,
    ...options.files,
  };
  let runs = 0;
  const fake = makeFakeDevice({
    files: {
      '/run/keelson/boot.json': JSON.stringify(boot),
      '/sys/block/vda/vda1/uevent': uevent('esp'),
      '/sys/block/vda/vda2/uevent': uevent('root-a'),
      '/sys/block/vda/vda3/uevent': uevent('root-b'),
      ...Object.fromEntries(Object.entries(own).map(([path, text]) => [`${root}/${path}`, text])),
      ...Object.fromEntries(
        Object.entries(present).flatMap(([path, text]) =>
          text === undefined ? [] : [[`${mountPoint}/${path}`, text]],
        ),
      ),
    },
    devices,
    commands: [
      (command) =>
        options.fails?.(command.join(' '), runs++)
          ? { exitCode: 1, stderr: 'Input/output error\n' }
          : undefined,
      (command) => act(fake, devices, options.unreadable ?? [], command),
    ],
  });
  const device: Device = {
    ...fake,
    arguments: ['repair'],
    readBytes: (path, offset, length) =>
      fake.files.has(path) && !fake.bytes.has(path)
        ? bytesOf(fake, path).subarray(offset, offset + length)
        : fake.readBytes(path, offset, length),
  };
  return {
    fake,
    repair() {
      fake.printed.length = 0;
      fake.errorsPrinted.length = 0;
      try {
        runBootBackend(device);
      } catch (error) {
        if (!(error instanceof FakeExit)) throw error;
      }
      return readBootRepair(device);
    },
    /** Paths on the EFI system partition → content. */
    esp: () =>
      Object.fromEntries(
        [...fake.files]
          .filter(([path]) => path.startsWith(`${mountPoint}/`))
          .map(([path, text]) => [path.slice(mountPoint.length + 1), text])
          .sort(),
      ),
  };
}

function act(
  fake: FakeDevice,
  devices: Record<string, Uint8Array>,
  unreadable: readonly string[],
  command: readonly string[],
) {
  const [program, one = '', two = ''] = command;
  const value = (name: string) => command.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  const bytesAt = (path: string) => devices[path] ?? bytesOf(fake, path);
  switch (program) {
    case 'dd': {
      const start = Number(value('skip') ?? 0);
      const source = bytesAt(value('if') ?? '');
      const end = start + Number(value('count') ?? source.length);
      fake.writeFile(value('of') ?? '', latin1(source.subarray(start, end)));
      return {};
    }
    case 'sha256sum':
      if (unreadable.some((path) => one === `${mountPoint}/${path}`) && !wasWritten(fake, one))
        return { exitCode: 1 };
      return { stdout: `${createHash('sha256').update(bytesAt(one)).digest('hex')}  ${one}\n` };
    case 'exch': {
      const [first = '', second = ''] = [fake.files.get(one), fake.files.get(two)];
      fake.writeFile(one, second);
      fake.writeFile(two, first);
      return {};
    }
    case 'mkdosfs':
      for (const path of [...fake.files.keys()])
        if (path.startsWith(`${mountPoint}/`)) fake.files.delete(path);
      for (const folder of [`${mountPoint}/EFI/Linux`, `${mountPoint}/EFI/BOOT`, `${mountPoint}/loader`])
        fake.remove(folder);
      return {};
    default:
      return undefined;
  }
}

/** Bytes of one file are one character each. */
const bytesOf = (fake: FakeDevice, path: string) =>
  new Uint8Array(Buffer.from(fake.files.get(path) ?? '', 'latin1'));
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const wasWritten = (fake: FakeDevice, path: string) =>
  fake.commandsRun.some(
    (line) => line.startsWith('dd ') && line.includes(`of=${path.replace(/\.[^.]*$/, '')}`),
  );

const expected = () => ({ ...own, 'EFI/Linux/a.efi': kernels.a, 'EFI/Linux/b.efi': kernels.b });
const flipped = (text: string | undefined) => `${text?.slice(0, -1)}!`;

describe('what is mended', () => {
  test('nothing, when all is well: nothing is written, and the partition is unmounted again', () => {
    const machine = makeMachine();
    expect(machine.repair()).toEqual({ format: 1, done: [], faults: [] });
    expect(machine.fake.commandsRun.filter((line) => /^(dd|exch|sync)/.test(line))).toEqual([]);
    expect(machine.fake.commandsRun.at(-1)).toBe('umount /run/keelson/esp');
    expect(machine.fake.errorsPrinted).toEqual([]);
  });

  test.each<[string, () => MachineOptions, readonly string[]]>([
    [
      'a kernel with a wrong bit',
      () => ({ files: { 'EFI/Linux/a.efi': flipped(kernels.a) } }),
      ['the kernel of slot a was written again from its slot'],
    ],
    [
      'that of the other slot',
      () => ({ files: { 'EFI/Linux/b.efi': flipped(kernels.b) } }),
      ['the kernel of slot b was written again from its slot'],
    ],
    [
      'a kernel cut short',
      () => ({ files: { 'EFI/Linux/a.efi': kernels.a?.slice(0, 700) } }),
      ['the kernel of slot a was written again from its slot'],
    ],
    [
      'a lost kernel',
      () => ({ files: { 'EFI/Linux/a.efi': undefined } }),
      ['the kernel of slot a was written again from its slot'],
    ],
    [
      'an unreadable kernel',
      () => ({ unreadable: ['EFI/Linux/a.efi'] }),
      ['the kernel of slot a was written again from its slot'],
    ],
    [
      'settings of another version',
      () => ({ files: { 'loader/loader.conf': 'timeout 9\n' } }),
      ['loader/loader.conf differed from that of this version and was replaced'],
    ],
    [
      'lost settings',
      () => ({ files: { 'loader/loader.conf': undefined } }),
      ['loader/loader.conf was missing and is there again'],
    ],
    [
      'an older boot loader',
      () => ({ files: { [loader]: makeLoader('257.9-1') } }),
      ['the boot loader was updated from systemd-boot 257.9-1 to 257.13-1'],
    ],
    [
      'one of the same version with a wrong bit',
      () => ({ files: { [loader]: flipped(own[loader]) } }),
      [`${loader} differed from that of this version and was replaced`],
    ],
    [
      'no boot loader at all',
      () => ({ files: { [loader]: 'no program' } }),
      [`${loader} differed from that of this version and was replaced`],
    ],
    [
      'an unreadable boot loader',
      () => ({ unreadable: [loader] }),
      [`${loader} could not be read and was written again`],
    ],
    [
      'a leftover',
      () => ({ files: { 'EFI/BOOT/BOOTX64.1': 'half' } }),
      [`leftovers beside ${loader} were removed`],
    ],
    [
      'a leftover that may be the same file',
      () => ({ files: { 'EFI/BOOT/BOOTX64.1': own[loader] } }),
      [`leftovers beside ${loader} were removed`],
    ],
    ['a stranger', () => ({ files: { 'EFI/Linux/x.efi': 'kernel' } }), ['x.efi in EFI/Linux was removed']],
  ])('%s', (_, options, done) => {
    const machine = makeMachine(options());
    expect(machine.repair()).toEqual({ format: 1, done, faults: [] });
    expect(machine.esp()).toEqual(expected());
    expect(machine.fake.errorsPrinted).toEqual(done.map((line) => `boot files: ${line}`));
    expect(machine.repair()).toEqual({ format: 1, done: [], faults: [] });
  });

  test('the boot loader is never without a file: what replaces it is written and read back first', () => {
    const machine = makeMachine({ files: { [loader]: makeLoader('257.9-1') } });
    machine.repair();
    const folder = `${mountPoint}/EFI/BOOT`;
    const from = machine.fake.commandsRun.findIndex((line) => line.startsWith('dd '));
    expect(machine.fake.commandsRun.slice(from, from + 9)).toEqual([
      `dd if=${root}/${loader} bs=64k of=${folder}/BOOTX64.1 conv=fsync`,
      `sync -f ${folder}/BOOTX64.1`,
      `sync ${folder}/BOOTX64.1`,
      `sha256sum ${folder}/BOOTX64.1`,
      `sync -f ${folder}`,
      `sync ${folder}`,
      `exch ${folder}/BOOTX64.1 ${folder}/BOOTX64.EFI`,
      `sync -f ${folder}`,
      `sync ${folder}`,
    ]);
  });

  test('a boot loader that is newer stays', () => {
    const newer = makeLoader('258.1-1');
    const machine = makeMachine({ files: { [loader]: newer, 'EFI/BOOT/BOOTX64.1': newer } });
    expect(machine.repair()?.done).toEqual([`leftovers beside ${loader} were removed`]);
    expect(machine.esp()).toEqual({ ...expected(), [loader]: newer });
  });

  test('the other slot has no entry on purpose while it is being written', () => {
    const machine = makeMachine({ files: { 'EFI/Linux/b.efi': undefined } });
    expect(machine.repair()).toEqual({ format: 1, done: [], faults: [] });
  });
});

describe('a partition that cannot be mounted', () => {
  const fat = new Uint8Array(512);
  fat.set([0, 2, 1, 32, 0, 2], 11);
  fat[21] = 0xf8;
  const failsOnce = (command: string, runs: number) => command.startsWith('mount ') && runs < 2;

  test('is made anew when it is no FAT file system, with entries of both slots', () => {
    const machine = makeMachine({ fails: failsOnce });
    const repair = machine.repair();
    expect(repair?.faults).toEqual([]);
    expect(repair?.done).toEqual([
      'the EFI system partition was made anew (cannot mount /dev/vda1: Input/output error)',
      'the kernel of slot a was written again from its slot',
      `${loader} was missing and is there again`,
      'loader/loader.conf was missing and is there again',
      'the kernel of slot b was written again from its slot',
    ]);
    expect(machine.esp()).toEqual(expected());
    expect(machine.fake.commandsRun).toContain('mkdosfs -n ESP /dev/vda1');
  });

  test('is left alone when it looks like one: somebody may have mounted it', () => {
    const machine = makeMachine({ fails: (command) => command.startsWith('mount '), firstSector: fat });
    const fault = 'cannot mount /dev/vda1: Input/output error';
    expect(machine.repair()).toEqual({ format: 1, done: [], faults: [fault] });
    expect(machine.fake.errorsPrinted).toEqual([
      `the machine may not start again: ${fault}`,
      `boot-backend: ${fault}`,
    ]);
    expect(machine.fake.commandsRun.join('\n')).not.toContain('mkdosfs');
  });
});

test('what cannot be mended is told, and the rest is mended all the same', () => {
  const machine = makeMachine({
    files: { 'EFI/Linux/a.efi': flipped(kernels.a), 'loader/loader.conf': undefined },
    fails: (command) => command.startsWith('dd if=/dev/vda2'),
  });
  const repair = machine.repair();
  expect(repair?.done).toEqual(['loader/loader.conf was missing and is there again']);
  expect(repair?.faults).toEqual([
    'cannot write the kernel of slot a to the EFI system partition: Input/output error',
  ]);
});

test('a disk that changes what is written is not written to for ever', () => {
  const machine = makeMachine({
    files: { [loader]: makeLoader('257.9-1') },
    fails: (command) => {
      if (command.startsWith('umount'))
        machine.fake.writeFile(`${mountPoint}/${loader}`, makeLoader('257.9-1'));
      return false;
    },
  });
  expect(machine.repair()?.faults).toEqual(['the EFI system partition does not stay as it is written']);
});
