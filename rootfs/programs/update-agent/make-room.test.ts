import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { listPartitions } from '../../../build/contract/partition-table.ts';
import { writeSlotFixture } from '../../../build/testing/slot-fixture.ts';
import type { Device } from '../device.ts';
import { readDiskTable } from '../shared/partition-table/disk-table.ts';
import { repairTable } from '../shared/partition-table/write-table.ts';
import { readHistory } from '../shared/update/update-record.ts';
import { type FakeCommand, type FakeDevice, makeFakeDevice } from '../testing/fake-device.ts';
import { type FakeDisk, fakeDd, makeFakeDisk, PowerCut } from '../testing/fake-disk.ts';
import { makeRoom } from './make-room.ts';

const mebibyte = 1024 * 1024;
const layout = 'esp=4 root-a=10 root-b=10 state=20';
const imagePath = '/bundle/os.img';
const espFolder = '/run/keelson/esp/EFI/Linux';
let image: Uint8Array;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'make-room-'));
  await writeSlotFixture(join(folder, 'slot'));
  image = await readFile(join(folder, 'slot'));
  await rm(folder, { recursive: true });
});

interface Situation {
  readonly disk?: FakeDisk;
  readonly imageMebibytes?: number;
  readonly espFreeBytes?: number;
  readonly espFiles?: Readonly<Record<string, number>>;
  readonly commands?: readonly FakeCommand[];
}

interface Machine {
  readonly device: FakeDevice;
  readonly disk: FakeDisk;
  /** As the kernel reads the table when it starts. */
  restart(): void;
  run(device?: Device, compatible?: string): ReturnType<typeof makeRoom>;
  /** `size@start` of slot b in MiB. */
  slotB(): string;
}

/** Slot a runs, of a disk of 100 MiB; an image of 15 MiB is about to be written. */
function makeMachine(situation: Situation = {}): Machine {
  const disk = situation.disk ?? makeFakeDisk(100, layout);
  const learn = (): void => {
    for (const { number, startSector, sizeSectors } of listPartitions(tableOf().table)) {
      fake.files.set(`/sys/class/block/vda${number}/start`, `${startSector}\n`);
      fake.files.set(`/sys/class/block/vda${number}/size`, `${sizeSectors}\n`);
    }
  };
  const fake: FakeDevice = makeFakeDevice({
    files: {
      '/run/keelson/boot.json': JSON.stringify({
        slot: 'a',
        version: '2026.11.0',
        disk: 'vda',
        diskDevice: '/dev/vda',
      }),
      '/usr/lib/keelson/engine.json': JSON.stringify({ disk: { headRoom: 2 } }),
      '/sys/class/block/vda/size': `${disk.geometry.sectors}\n`,
      '/sys/block/vda/vda1/uevent': 'PARTNAME=esp\n',
      '/dev/kmsg': '',
      [imagePath]: '',
      ...Object.fromEntries(
        Object.keys(situation.espFiles ?? {}).map((name) => [`${espFolder}/${name}`, '']),
      ),
    },
    devices: { '/dev/vda': disk, [imagePath]: image },
    commands: [
      ...(situation.commands ?? []),
      fakeDd({ '/dev/vda': disk }, () => fake),
      (command) => {
        if (command[0] === '/usr/bin/partx') learn();
        return command[1] === 'stat'
          ? { stdout: `${(situation.espFreeBytes ?? 9e6) / 512} 512\n` }
          : undefined;
      },
    ],
  });
  const device: FakeDevice = {
    ...fake,
    status(path) {
      const found = fake.status(path);
      const name = path.slice(espFolder.length + 1);
      const sizeBytes =
        path === imagePath ? (situation.imageMebibytes ?? 15) * mebibyte : situation.espFiles?.[name];
      return found && { ...found, sizeBytes: sizeBytes ?? found.sizeBytes };
    },
  };
  const tableOf = () => {
    const found = readDiskTable(fake, 'vda');
    if (found === undefined) throw new Error('the disk has no table');
    return found;
  };
  learn();
  return {
    device,
    disk,
    restart() {
      repairTable(fake, tableOf());
      learn();
    },
    run: (given = device, compatible = 'demo-x86-64') =>
      makeRoom(given, imagePath, { compatible, version: '2026.11.1' }),
    slotB() {
      const found = listPartitions(tableOf().table).find(({ label }) => label === 'root-b');
      return found === undefined ? 'gone' : `${found.sizeSectors / 2048}@${found.startSector / 2048}`;
    },
  };
}

const changes = (device: FakeDevice) =>
  device.commandsRun.filter((line) => /of=\/dev\/vda |partx|boot-backend/.test(line));

test('a slot that is large enough is left alone', () => {
  const machine = makeMachine({ imageMebibytes: 9 });
  expect(machine.run()).toBeUndefined();
  expect(changes(machine.device)).toEqual([]);
  expect(machine.slotB()).toBe('10@15');
});

test('a slot that is too small moves: the boot loader forgets it, the table changes, the kernel follows', () => {
  const machine = makeMachine();
  expect(machine.run()).toBeUndefined();
  expect(machine.slotB()).toBe('30@45');
  expect(changes(machine.device).map((line) => line.replace('/usr/bin/busybox ', ''))).toEqual([
    '/usr/lib/update/boot-backend set-state b bad',
    `dd if=/dev/zero of=/dev/vda bs=512 seek=${75 * 2048 - 8} count=8 conv=notrunc,fsync`,
    `dd if=/dev/zero of=/dev/vda bs=512 seek=${45 * 2048} count=8 conv=notrunc,fsync`,
    expect.stringMatching(`^dd .* seek=${100 * 2048 - 33} `),
    expect.stringMatching('^dd .* seek=1 '),
    '/usr/bin/partx --update --nr 3 /dev/vda',
  ]);
  expect(machine.device.readLink('/run/update/root-b')).toBe('/dev/vda3');
  expect(readHistory(machine.device)).toMatchObject([
    {
      event: 'relocated',
      version: '2026.11.1',
      slot: 'b',
      reasons: ['slot b has 31457280 bytes at 47185920, and had 10485760 bytes at 15728640'],
    },
  ]);
  // And then it fits.
  expect(machine.run()).toBeUndefined();
  expect(readHistory(machine.device)).toHaveLength(1);
});

describe('refused, with nothing changed', () => {
  test.each<[string, Situation, string]>([
    [
      'larger than any place',
      { imageMebibytes: 54 },
      'its image needs 56627200 bytes, and the largest place on /dev/vda for slot b has 56623104',
    ],
    [
      'a kernel that is larger than the EFI system partition has room for',
      { espFreeBytes: 66_560, espFiles: { 'a.efi': 9e6 } },
      'its kernel needs 68096 bytes on the EFI system partition, which has 66560 beside what must stay',
    ],
    [
      'the same, and the slot would fit as it is',
      { imageMebibytes: 5, espFreeBytes: 1024, espFiles: { 'b.efi': 1024 } },
      'its kernel needs 68096 bytes on the EFI system partition, which has 2048 beside what must stay',
    ],
  ])('%s', (_name, situation, message) => {
    const machine = makeMachine(situation);
    expect(machine.run()).toEqual({ code: 'BUNDLE_TOO_LARGE', isAlarm: true, message });
    expect(changes(machine.device)).toEqual([]);
    expect(machine.slotB()).toBe('10@15');
    expect(readHistory(machine.device)).toEqual([]);
  });

  test('an image for another kind of machine', () => {
    const machine = makeMachine();
    expect(machine.run(machine.device, 'other-x86-64')).toMatchObject({ code: 'BUNDLE_INCOMPATIBLE' });
    expect(changes(machine.device)).toEqual([]);
  });

  test('an image whose end cannot be read, as dm-verity has it when it is not what was signed', () => {
    const { device, run } = makeMachine();
    const torn: Device = {
      ...device,
      readBytes: (path, ...rest) => (path === imagePath ? undefined : device.readBytes(path, ...rest)),
    };
    expect(run(torn)).toMatchObject({ code: 'BUNDLE_DAMAGED' });
    expect(changes(device)).toEqual([]);
  });

  test('what the other slot has on the EFI system partition may go', () => {
    const machine = makeMachine({ espFreeBytes: 1024, espFiles: { 'b.efi': 9e6, 'a.efi': 9e6 } });
    expect(machine.run()).toBeUndefined();
  });
});

describe('a move that cannot be ended is no success', () => {
  test('the boot loader does not let go of the slot: nothing else is done', () => {
    const machine = makeMachine({
      commands: [(command) => (command[1] === 'set-state' ? { exitCode: 1, stderr: 'no\n' } : undefined)],
    });
    expect(() => machine.run()).toThrow('cannot take slot b from the boot loader: no');
    expect(changes(machine.device)).toHaveLength(1);
    expect(machine.slotB()).toBe('10@15');
  });

  test('the kernel does not follow: not in this boot, and in the next it is where it should be', () => {
    let isBusy = true;
    const machine = makeMachine({
      commands: [
        (command) =>
          isBusy && command[0] === '/usr/bin/partx' ? { exitCode: 1, stderr: 'busy\n' } : undefined,
      ],
    });
    const reason = 'the kernel does not know where vda3 is now (cannot tell the kernel: busy)';
    expect(() => machine.run()).toThrow(reason);
    expect(() => machine.run()).toThrow(reason);
    isBusy = false;
    expect(machine.run()).toBeUndefined();
    expect(machine.slotB()).toBe('30@45');
  });
});

test('the power may go after any command: the machine starts, and the update is done when asked for again', () => {
  for (let count = 0; ; count++) {
    const machine = makeMachine();
    let left = count;
    const cut: Device = {
      ...machine.device,
      run(command, options) {
        if (left-- === 0) throw new PowerCut();
        return machine.device.run(command, options);
      },
    };
    let isCut = false;
    try {
      machine.run(cut);
    } catch (error) {
      expect(error).toBeInstanceOf(PowerCut);
      isCut = true;
    }
    const done = changes(machine.device);
    if (done.length > 0) expect(done[0]).toContain('boot-backend set-state b bad');
    machine.restart();
    expect(['10@15', '30@45']).toContain(machine.slotB());
    expect(readDiskTable(machine.device, 'vda')?.isWhole).toBe(true);
    expect(machine.run()).toBeUndefined();
    expect(machine.slotB()).toBe('30@45');
    if (!isCut) break;
    expect(count).toBeLessThan(30);
  }
});
