import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeUkiFixture, writeSlotFixture } from '../../../build/testing/slot-fixture.ts';
import type { Device } from '../device.ts';
import { type FakeDevice, FakeExit, makeFakeDevice } from '../testing/fake-device.ts';
import { runBootBackend } from './run-boot-backend.ts';

const folder = '/run/keelson/esp/EFI/Linux';
const slots: Record<string, Uint8Array> = {};
let workFolder: string;

beforeAll(async () => {
  workFolder = await mkdtemp(join(tmpdir(), 'boot-backend-'));
  for (const [slot, version] of [
    ['a', '2026.11.1'],
    ['b', '2026.11.2'],
    ['old', '2026.10.9'],
  ] as const) {
    const { path } = await writeSlotFixture(join(workFolder, slot), { version });
    slots[slot] = new Uint8Array(await readFile(path));
  }
});

afterAll(() => rm(workFolder, { recursive: true, force: true }));

interface Machine {
  readonly fake: FakeDevice;
  /** Names in \EFI\Linux. */
  names(): readonly string[];
  /** Runs the backend; what it printed, or what it complained of. */
  run(...words: string[]): string;
}

interface MachineOptions {
  readonly files: readonly string[];
  readonly slotB?: Uint8Array;
  readonly fails?: string;
  /** The disk gives back other bytes than were written. */
  readonly isRotten?: boolean;
  readonly hasBootFile?: boolean;
}

function makeMachine(options: MachineOptions): Machine {
  const bytes: Record<string, Uint8Array> = {
    '/dev/vda2': slots.a as Uint8Array,
    '/dev/vda3': options.slotB ?? (slots.b as Uint8Array),
  };
  const uevent = (label: string) => `DEVTYPE=partition\nPARTNAME=${label}\n`;
  const sha256 = (path: string) =>
    createHash('sha256')
      .update(bytes[path] as Uint8Array)
      .digest('hex');
  const boot = { format: 1, slot: 'a', askedSlot: 'a', disk: 'vda', partition: 'vda2' };
  const fake = makeFakeDevice({
    files: {
      ...(options.hasBootFile === false ? {} : { '/run/keelson/boot.json': JSON.stringify(boot) }),
      '/sys/block/vda/vda1/uevent': uevent('esp'),
      '/sys/block/vda/vda2/uevent': uevent('root-a'),
      '/sys/block/vda/vda3/uevent': uevent('root-b'),
      ...Object.fromEntries(options.files.map((name) => [`${folder}/${name}`, ''])),
    },
    devices: bytes,
    commands: [
      (command) =>
        options.fails !== undefined && command.join(' ').includes(options.fails)
          ? { exitCode: 1, stderr: 'Input/output error\n' }
          : undefined,
      (command) => {
        if (command[0] !== 'dd') return undefined;
        const value = (name: string) =>
          command.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
        const start = Number(value('skip'));
        const path = value('of');
        bytes[path] = (bytes[value('if')] as Uint8Array).slice(start, start + Number(value('count')));
        if (options.isRotten) (bytes[path] as Uint8Array)[700] = 1;
        fake.writeFile(path, '');
        return {};
      },
      (command) =>
        command[0] === 'sha256sum' ? { stdout: `${sha256(command[1] ?? '')}  ${command[1]}\n` } : undefined,
    ],
  });
  for (const name of options.files) {
    const version = name.startsWith('a') ? '2026.11.1' : '2026.11.2';
    if (!name.startsWith('readme'))
      bytes[`${folder}/${name}`] = makeUkiFixture('ab'.repeat(32), 'demo', version);
  }
  const device: Device = {
    ...fake,
    status(path) {
      const found = fake.status(path);
      return found && { ...found, sizeBytes: bytes[path]?.length ?? found.sizeBytes };
    },
    rename(from, to) {
      fake.rename(from, to);
      bytes[to] = bytes[from] as Uint8Array;
      delete bytes[from];
    },
  };
  return {
    fake,
    names: () => fake.list(folder),
    run(...words) {
      fake.printed.length = 0;
      try {
        runBootBackend({ ...device, arguments: words });
      } catch (error) {
        if (!(error instanceof FakeExit)) throw error;
        expect(error.code).toBe(1);
        return fake.errorsPrinted.join('\n');
      }
      return fake.printed.join('\n');
    },
  };
}

describe('answers to RAUC', () => {
  test('which slot runs, which comes next, and how they are', () => {
    const machine = makeMachine({ files: ['a.efi', 'a.efi.extra.d', 'b+0-3.efi', 'readme.txt'] });
    expect(machine.run('get-current')).toBe('a');
    expect(machine.run('get-primary')).toBe('a');
    expect(machine.run('get-state', 'a')).toBe('good');
    expect(machine.run('get-state', 'b')).toBe('bad');
    expect(machine.fake.commandsRun.filter((line) => !/mount/.test(line))).toEqual([]);
  });

  test('an installation: the other slot out of the way, then on trial', () => {
    const machine = makeMachine({ files: ['a.efi', 'b.efi'] });
    expect(machine.run('set-state', 'b', 'bad')).toBe('');
    expect(machine.names()).toEqual(['a.efi']);
    expect(machine.run('set-primary', 'b')).toBe('');
    expect(machine.names()).toEqual(['a.efi', 'b+3-0.efi']);
    expect(machine.run('get-primary')).toBe('b');
    expect(machine.run('get-state', 'b')).toBe('good');
  });

  test('an older version: the running one steps back', () => {
    const machine = makeMachine({ files: ['a.efi'], slotB: slots.old as Uint8Array });
    machine.run('set-primary', 'b');
    expect(machine.names()).toEqual(['a+0-0.efi', 'b+3-0.efi']);
    expect(machine.run('get-primary')).toBe('b');
  });

  test('a trial that went well', () => {
    const machine = makeMachine({ files: ['a+2-1.efi', 'b.efi'] });
    machine.run('set-state', 'a', 'good');
    expect(machine.names()).toEqual(['a.efi', 'b.efi']);
  });

  test('leftovers go, and what was lost comes back from the slot', () => {
    const machine = makeMachine({ files: ['a.tmp', 'b-0.old'] });
    machine.run('collect');
    expect(machine.names()).toEqual([]);
    machine.run('repair');
    expect(machine.names()).toEqual(['a.efi']);
  });
});

test('every change is on the disk before the next, and what is written is read back from the disk', () => {
  const machine = makeMachine({ files: ['a.efi'] });
  machine.run('set-primary', 'b');
  const path = `${folder}/b.tmp`;
  const [, offset = '', size = ''] = /skip=(\d+) count=(\d+)/.exec(machine.fake.commandsRun.join('\n')) ?? [];
  expect(machine.fake.commandsRun).toEqual([
    'umount /run/keelson/esp',
    'mount -t vfat -o dirsync,umask=077,nodev,nosuid,noexec,noatime,errors=continue /dev/vda1 /run/keelson/esp',
    `dd if=/dev/vda3 bs=64k iflag=skip_bytes,count_bytes skip=${offset} count=${size} of=${path} conv=fsync`,
    `sync -f ${path}`,
    `sync ${path}`,
    `sha256sum ${path}`,
    `sync -f ${folder}`,
    `sync ${folder}`,
    `sync -f ${folder}`,
    `sync ${folder}`,
    'umount /run/keelson/esp',
  ]);
  expect(machine.fake.files.get('/proc/sys/vm/drop_caches')).toBe('1\n');
});

describe('refused, with the partition unmounted again', () => {
  test.each<[string, MachineOptions, string[], string]>([
    [
      'a bad word',
      { files: [] },
      ['set-state', 'b', 'fine'],
      'cannot do "set-state b fine"\nUse: boot-backend get-primary',
    ],
    ['a third slot', { files: [] }, ['get-state', 'c'], 'cannot do "get-state c"'],
    ['a word too many', { files: [] }, ['get-primary', 'a'], 'cannot do "get-primary a"'],
    [
      'another word too many',
      { files: [] },
      ['set-state', 'a', 'good', 'x'],
      'cannot do "set-state a good x"',
    ],
    ['nothing', { files: [] }, [], 'cannot do ""'],
    [
      'nothing to boot',
      { files: ['b.tmp'] },
      ['get-primary'],
      'the EFI system partition has nothing to boot',
    ],
    [
      'another initramfs',
      { files: [], hasBootFile: false },
      ['get-primary'],
      'this machine was not started by its own initramfs: nobody knows which slot runs',
    ],
    [
      'no mount',
      { files: [], fails: 'mount -t' },
      ['get-primary'],
      'cannot mount /dev/vda1: Input/output error',
    ],
    [
      'a failing disk',
      { files: ['a.efi'], fails: 'dd if' },
      ['set-primary', 'b'],
      'cannot write the kernel of slot b to the EFI system partition: Input/output error',
    ],
    [
      'a failing flush',
      { files: ['a.efi'], fails: 'sync -f' },
      ['set-primary', 'b'],
      'cannot flush the EFI system partition: Input/output error',
    ],
    [
      'a disk that forgets',
      { files: ['a.efi'], isRotten: true },
      ['set-primary', 'b'],
      'the kernel of slot b did not read back from the EFI system partition as it is in the slot',
    ],
    [
      'an empty slot',
      { files: ['a.efi'], slotB: new Uint8Array(8192) },
      ['set-primary', 'b'],
      'slot b holds no whole unified kernel image',
    ],
  ])('%s', (_, options, words, message) => {
    const machine = makeMachine(options);
    expect(machine.run(...words)).toContain(`boot-backend: ${message}`);
    const mounts = machine.fake.commandsRun.filter((line) => line.startsWith('mount')).length;
    const unmounts = machine.fake.commandsRun.filter((line) => line.startsWith('umount')).length;
    expect(unmounts).toBeGreaterThanOrEqual(mounts);
    expect(machine.names()).not.toContain('b+3-0.efi');
  });

  test('a disk without its partition', () => {
    const machine = makeMachine({ files: [] });
    machine.fake.files.delete('/sys/block/vda/vda1/uevent');
    expect(machine.run('get-primary')).toContain('disk vda has no partition esp');
  });
});
