import { describe, expect, test } from '@jest/globals';
import { listPartitions } from '../../../build/contract/partition-table.ts';
import { readDiskTable } from '../shared/partition-table/disk-table.ts';
import { type FakeCommand, type FakeDevice, makeFakeDevice } from '../testing/fake-device.ts';
import { type FakeDisk, fakeDd, makeFakeDisk, makeTable } from '../testing/fake-disk.ts';
import { blankBytes, ext4Bytes, fatBytes } from '../testing/file-system-bytes.ts';
import { setUpState } from './set-up-state.ts';

const boot = JSON.stringify({ format: 1, disk: 'vda', diskDevice: '/dev/vda' });
const layout = 'root-a=32 root-b=32 state=64';

interface Situation {
  readonly bytes?: Uint8Array;
  readonly partitions?: string;
  readonly diskMebibytes?: number;
  readonly hasBootFile?: boolean;
  /** Of this many MiB, before the disk became as large as it is. */
  readonly builtMebibytes?: number;
  readonly damage?: (disk: FakeDisk) => void;
  readonly commands?: readonly FakeCommand[];
  readonly onMakeFolder?: (commandsRun: readonly string[]) => void;
}

/** A disk as it is built, with a state partition of 64 MiB up to the reserve, unless said otherwise. */
function run(situation: Situation) {
  const mebibytes = situation.diskMebibytes ?? 194;
  const built = makeFakeDisk(situation.builtMebibytes ?? mebibytes, situation.partitions ?? layout);
  const disk = built.resized(mebibytes);
  situation.damage?.(disk);
  const device: FakeDevice = makeFakeDevice({
    files: {
      ...((situation.hasBootFile ?? true) && { '/run/keelson/boot.json': boot }),
      '/sys/class/block/vda/size': `${mebibytes * 2048}\n`,
      '/sys/class/block/vda3/size': '131072\n',
      '/proc/sys/kernel/random/uuid': '01234567-89ab-4cde-8f01-23456789abcd\n',
    },
    devices: {
      '/dev/vda': disk,
      ...(situation.bytes === undefined ? {} : { '/dev/vda3': situation.bytes }),
    },
    commands: [...(situation.commands ?? []), fakeDd({ '/dev/vda': disk }, () => device)],
  });
  const faulty = {
    ...device,
    makeFolder(path: string, mode?: number) {
      if (path.startsWith('/var/lib/keelson/')) {
        situation.onMakeFolder?.(device.commandsRun);
      }
      device.makeFolder(path, mode);
    },
  };
  setUpState(faulty);
  return { device, disk, state: JSON.parse(device.readFile('/run/keelson/state.json') ?? '{}') };
}

function fail(program: string, exitCode: number, stderr = ''): FakeCommand {
  return (command) => (command.join(' ').startsWith(program) ? { exitCode, stderr } : undefined);
}

describe('the partition is used', () => {
  test.each<[string, Situation, readonly string[]]>([
    ['as it is', { bytes: ext4Bytes() }, []],
    ['blank', { bytes: blankBytes() }, ['made a file system on /dev/vda3']],
    [
      'on a larger disk',
      { bytes: ext4Bytes(), builtMebibytes: 194, diskMebibytes: 1024 },
      ['grew partition /dev/vda3 to 1830912 sectors'],
    ],
    [
      'larger than its file system',
      { bytes: ext4Bytes({ blocks: 8192 }) },
      ['grew the file system on /dev/vda3 to 67108864 bytes'],
    ],
    [
      'missing',
      { bytes: blankBytes(), partitions: 'root-a=32 root-b=32' },
      ['made partition /dev/vda3', 'made a file system on /dev/vda3'],
    ],
    ['repaired', { bytes: ext4Bytes(), commands: [fail('/usr/sbin/e2fsck', 1)] }, ['repaired /dev/vda3']],
    [
      'repaired with losses',
      { bytes: ext4Bytes(), commands: [fail('/usr/sbin/e2fsck -p', 4, 'run fsck manually')] },
      ['repaired /dev/vda3; files may be in lost+found'],
    ],
    [
      'half made',
      { bytes: ext4Bytes({ wasMounted: false }), commands: [fail('/usr/sbin/e2fsck', 8, 'bad magic')] },
      ['made a file system on /dev/vda3'],
    ],
  ])('%s', (_name, situation, actions) => {
    const { device, state } = run(situation);
    expect(state).toMatchObject({ kind: 'disk', device: '/dev/vda3', sizeBytes: 67108864, actions });
    expect(device.commandsRun).toContain('mount -t ext4 -o noatime,nodev,nosuid /dev/vda3 /var/lib/keelson');
    expect(device.commandsRun.slice(-3)).toEqual([
      'mount -o bind /var/lib/keelson/home /home',
      'mount -o bind /var/lib/keelson/root-home /root',
      'mount -o bind /var/lib/keelson/log /var/log',
    ]);
  });
});

describe('memory stands in, and nothing is written to the disk', () => {
  test.each<[string, Situation, string]>([
    ['no boot file', { hasBootFile: false }, '/run/keelson/boot.json is missing'],
    [
      'no table',
      { damage: (disk) => disk.write(0, new Uint8Array(194 * 1024 * 1024)) },
      '/dev/vda: the disk has no GPT that is whole',
    ],
    [
      'no room',
      { partitions: layout.replace('state', 'other'), diskMebibytes: 140 },
      '/dev/vda: no partition is labelled state, and the disk has no room for one',
    ],
    ['unreadable', {}, '/dev/vda3 cannot be read'],
    [
      "somebody's data",
      { bytes: fatBytes('HOLIDAYS') },
      '/dev/vda3 holds something that is not ext4; it is left as it is',
    ],
    [
      'beyond repair',
      { bytes: ext4Bytes(), commands: [fail('/usr/sbin/e2fsck', 4, 'uncorrected')] },
      '/dev/vda3 has faults that e2fsck cannot put right; it is left as it is',
    ],
    [
      'cannot be mounted',
      { bytes: ext4Bytes(), commands: [fail('mount -t ext4', 32, 'mount: bad option')] },
      'cannot mount /dev/vda3: mount: bad option',
    ],
  ])('%s', (_name, situation, reason) => {
    const { device, state } = run(situation);
    expect(state).toMatchObject({ kind: 'memory', reason });
    expect(device.errorsPrinted).toContain(`state: there is no state in this boot: ${reason}`);
    expect(device.commandsRun.filter((line) => /mke2fs|dd |partx/.test(line))).toEqual([]);
    expect(device.commandsRun).toContain(
      'mount -t tmpfs -o noatime,nodev,nosuid,mode=0755,size=50% state /var/lib/keelson',
    );
  });

  test.each<[string, Situation, string]>([
    [
      'a file system cannot be made',
      { bytes: blankBytes(), commands: [fail('/usr/sbin/mke2fs', 1, 'mke2fs: too small')] },
      'cannot make a file system on /dev/vda3: mke2fs: too small',
    ],
    [
      'a partition cannot be added',
      { partitions: 'root-a=32', commands: [fail('/usr/bin/busybox dd', 1, 'dd: I/O error')] },
      'cannot add a partition to /dev/vda: dd: I/O error',
    ],
  ])('%s', (_name, situation, reason) => {
    expect(run(situation).state).toMatchObject({ kind: 'memory', reason });
  });
});

describe('what does not go well but does not matter enough', () => {
  test.each<[string, Situation, string]>([
    [
      'the partition cannot be grown',
      { diskMebibytes: 1024, commands: [fail('/usr/bin/busybox dd', 1, 'dd: I/O error')] },
      'cannot grow partition /dev/vda3: cannot write the partition table of /dev/vda: dd: I/O error',
    ],
    [
      'the kernel keeps its old table',
      { diskMebibytes: 1024, commands: [fail('/usr/bin/partx', 1, 'partx: busy')] },
      'cannot grow partition /dev/vda3: cannot tell the kernel: partx: busy',
    ],
    [
      'the file system cannot be grown',
      { bytes: ext4Bytes({ blocks: 8192 }), commands: [fail('/usr/sbin/resize2fs', 1, 'resize2fs: no')] },
      'cannot grow the file system on /dev/vda3: resize2fs: no',
    ],
    [
      'a bind mount fails',
      { commands: [fail('mount -o bind /var/lib/keelson/log', 1, 'mount: no such folder')] },
      'cannot make /var/log writable: mount: no such folder',
    ],
  ])('%s', (_name, situation, note) => {
    const { state } = run({ bytes: ext4Bytes(), ...situation });
    expect(state).toMatchObject({ kind: 'disk', notes: [note] });
  });
});

test('a fault that only use brings to light is repaired', () => {
  const { state, device } = run({
    bytes: ext4Bytes(),
    onMakeFolder: (commandsRun) => {
      if (!commandsRun.some((line) => line.includes('e2fsck -f -y'))) {
        throw new Error('Cannot make folder: Structure needs cleaning.');
      }
    },
  });
  expect(state).toMatchObject({
    kind: 'disk',
    actions: ['repaired /dev/vda3; files may be in lost+found'],
    notes: ['/dev/vda3 is damaged'],
  });
  expect(device.commandsRun.filter((line) => /^(u?mount -t|umount|\/usr\/sbin\/e2fsck)/.test(line))).toEqual([
    '/usr/sbin/e2fsck -p /dev/vda3',
    'mount -t ext4 -o noatime,nodev,nosuid /dev/vda3 /var/lib/keelson',
    'umount /var/lib/keelson',
    '/usr/sbin/e2fsck -f -y /dev/vda3',
    'mount -t ext4 -o noatime,nodev,nosuid /dev/vda3 /var/lib/keelson',
  ]);
});

test('a partition is cleared before it exists', () => {
  const { device, disk } = run({ bytes: blankBytes(), partitions: 'root-a=32 root-b=32' });
  const changes = device.commandsRun.filter((line) => /dd |partx|mke2fs/.test(line));
  expect(changes.map((line) => line.replace('/usr/bin/busybox ', '').replace(/ bs=.*/, ''))).toEqual([
    'dd if=/dev/zero of=/dev/vda',
    'dd',
    'dd',
    'dd',
    'dd',
    '/usr/bin/partx --update --nr 3 /dev/vda',
    expect.stringMatching(/^.usr.sbin.mke2fs /),
  ]);
  const found = readDiskTable(device, 'vda');
  expect(found?.isWhole).toBe(true);
  expect(listPartitions(found?.table ?? makeTable('', disk.geometry))[2]).toEqual({
    number: 3,
    label: 'state',
    startSector: 65 * 2048,
    sizeSectors: 64 * 2048,
  });
});

test.each<[string, number, string]>([
  ['primary', 2, 'the partition table of vda was written anew from its backup'],
  ['backup', 194 * 2048 - 2, 'the backup of the partition table of vda is written'],
])('a %s copy of the partition table that is torn is written anew', (_name, sector, action) => {
  const { device, state } = run({
    bytes: ext4Bytes(),
    damage: (disk) => disk.write(sector, new Uint8Array(512).fill(0xa5)),
  });
  expect(state).toMatchObject({ kind: 'disk', actions: [action], notes: [] });
  expect(readDiskTable(device, 'vda')).toMatchObject({ isWhole: true, source: 'primary' });
});

test('nothing but the file system check and mounts is run when all is well', () => {
  const { device } = run({ bytes: ext4Bytes() });
  expect(device.commandsRun.map((line) => line.split(' ')[0])).toEqual([
    '/usr/sbin/e2fsck',
    ...Array<string>(4).fill('mount'),
  ]);
});
