import { describe, expect, test } from '@jest/globals';
import { type FakeCommand, makeFakeDevice } from '../testing/fake-device.ts';
import { blankBytes, ext4Bytes, fatBytes } from '../testing/file-system-bytes.ts';
import { setUpState } from './set-up-state.ts';

const boot = JSON.stringify({ format: 1, disk: 'vda', diskDevice: '/dev/vda' });
const statePartition = { node: '/dev/vda4', start: 444416, size: 131072, name: 'state' };
const slot = { node: '/dev/vda2', start: 2048, size: 442368, name: 'root-a' };

interface Situation {
  readonly bytes?: Uint8Array;
  readonly hasPartition?: boolean;
  readonly diskSectors?: number;
  readonly hasBootFile?: boolean;
  readonly commands?: readonly FakeCommand[];
  readonly onMakeFolder?: (commandsRun: readonly string[]) => void;
}

/** A disk of 300 MiB with a state partition of 64 MiB up to its end, unless said otherwise. */
function run(situation: Situation) {
  let hasPartition = situation.hasPartition ?? true;
  const sfdisk: FakeCommand = (command) => {
    if (command[0] !== '/usr/sbin/sfdisk') {
      return undefined;
    }
    if (command.includes('--append')) {
      hasPartition = true;
    }
    const partitions = hasPartition ? [slot, statePartition] : [slot];
    return {
      stdout: JSON.stringify({ partitiontable: { label: 'gpt', sectorsize: 512, partitions } }),
    };
  };
  const device = makeFakeDevice({
    files: {
      ...((situation.hasBootFile ?? true) && { '/run/keelson/boot.json': boot }),
      '/sys/class/block/vda/size': `${situation.diskSectors ?? 577536}\n`,
      '/sys/class/block/vda4/size': '131072\n',
    },
    devices: situation.bytes === undefined ? {} : { '/dev/vda4': situation.bytes },
    commands: [...(situation.commands ?? []), sfdisk],
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
  return { device, state: JSON.parse(device.readFile('/run/keelson/state.json') ?? '{}') };
}

function fail(program: string, exitCode: number, stderr = ''): FakeCommand {
  return (command) => (command.join(' ').startsWith(program) ? { exitCode, stderr } : undefined);
}

describe('the partition is used', () => {
  test.each<[string, Situation, readonly string[]]>([
    ['as it is', { bytes: ext4Bytes() }, []],
    ['blank', { bytes: blankBytes() }, ['made a file system on /dev/vda4']],
    [
      'on a larger disk',
      { bytes: ext4Bytes(), diskSectors: 2097152 },
      ['grew partition /dev/vda4 to 1650688 sectors'],
    ],
    [
      'larger than its file system',
      { bytes: ext4Bytes({ blocks: 8192 }) },
      ['grew the file system on /dev/vda4 to 67108864 bytes'],
    ],
    [
      'missing',
      { bytes: blankBytes(), hasPartition: false },
      ['made partition /dev/vda4', 'made a file system on /dev/vda4'],
    ],
    ['repaired', { bytes: ext4Bytes(), commands: [fail('/usr/sbin/e2fsck', 1)] }, ['repaired /dev/vda4']],
    [
      'repaired with losses',
      { bytes: ext4Bytes(), commands: [fail('/usr/sbin/e2fsck -p', 4, 'run fsck manually')] },
      ['repaired /dev/vda4; files may be in lost+found'],
    ],
    [
      'half made',
      { bytes: ext4Bytes({ wasMounted: false }), commands: [fail('/usr/sbin/e2fsck', 8, 'bad magic')] },
      ['made a file system on /dev/vda4'],
    ],
  ])('%s', (_name, situation, actions) => {
    const { device, state } = run(situation);
    expect(state).toMatchObject({ kind: 'disk', device: '/dev/vda4', sizeBytes: 67108864, actions });
    expect(device.commandsRun).toContain('mount -t ext4 -o noatime,nodev,nosuid /dev/vda4 /var/lib/keelson');
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
      { commands: [fail('/usr/sbin/sfdisk', 1, 'sfdisk: cannot open /dev/vda')] },
      'cannot read the partitions of /dev/vda: sfdisk: cannot open /dev/vda',
    ],
    [
      'no room',
      { hasPartition: false, diskSectors: 450000 },
      '/dev/vda: no partition is labelled state, and the disk has no room for one',
    ],
    ['unreadable', {}, '/dev/vda4 cannot be read'],
    [
      "somebody's data",
      { bytes: fatBytes('HOLIDAYS') },
      '/dev/vda4 holds something that is not ext4; it is left as it is',
    ],
    [
      'beyond repair',
      { bytes: ext4Bytes(), commands: [fail('/usr/sbin/e2fsck', 4, 'uncorrected')] },
      '/dev/vda4 has faults that e2fsck cannot put right; it is left as it is',
    ],
    [
      'cannot be mounted',
      { bytes: ext4Bytes(), commands: [fail('mount -t ext4', 32, 'mount: bad option')] },
      'cannot mount /dev/vda4: mount: bad option',
    ],
  ])('%s', (_name, situation, reason) => {
    const { device, state } = run(situation);
    expect(state).toMatchObject({ kind: 'memory', reason });
    expect(device.errorsPrinted).toContain(`state: there is no state in this boot: ${reason}`);
    expect(device.commandsRun.filter((line) => /mke2fs|dd |--append|--partno/.test(line))).toEqual([]);
    expect(device.commandsRun).toContain(
      'mount -t tmpfs -o noatime,nodev,nosuid,mode=0755,size=50% state /var/lib/keelson',
    );
  });

  test.each<[string, Situation, string]>([
    [
      'a file system cannot be made',
      { bytes: blankBytes(), commands: [fail('/usr/sbin/mke2fs', 1, 'mke2fs: too small')] },
      'cannot make a file system on /dev/vda4: mke2fs: too small',
    ],
    [
      'a partition cannot be added',
      { hasPartition: false, commands: [fail('/usr/bin/busybox dd', 1, 'dd: I/O error')] },
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
      { diskSectors: 2097152, commands: [fail('/usr/sbin/sfdisk --no-reread', 1, 'sfdisk: read-only')] },
      'cannot grow partition /dev/vda4: sfdisk: read-only',
    ],
    [
      'the kernel keeps its old table',
      { diskSectors: 2097152, commands: [fail('/usr/bin/partx', 1, 'partx: busy')] },
      'the kernel sees the change at the next boot only: partx: busy',
    ],
    [
      'the file system cannot be grown',
      { bytes: ext4Bytes({ blocks: 8192 }), commands: [fail('/usr/sbin/resize2fs', 1, 'resize2fs: no')] },
      'cannot grow the file system on /dev/vda4: resize2fs: no',
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
    actions: ['repaired /dev/vda4; files may be in lost+found'],
    notes: ['/dev/vda4 is damaged'],
  });
  expect(device.commandsRun.filter((line) => /^(u?mount -t|umount|\/usr\/sbin\/e2fsck)/.test(line))).toEqual([
    '/usr/sbin/e2fsck -p /dev/vda4',
    'mount -t ext4 -o noatime,nodev,nosuid /dev/vda4 /var/lib/keelson',
    'umount /var/lib/keelson',
    '/usr/sbin/e2fsck -f -y /dev/vda4',
    'mount -t ext4 -o noatime,nodev,nosuid /dev/vda4 /var/lib/keelson',
  ]);
});

test('a partition is cleared before it exists', () => {
  const { device } = run({ bytes: blankBytes(), hasPartition: false });
  const changes = device.commandsRun.filter((line) => /dd |--append|partx|mke2fs/.test(line));
  expect(changes.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
    '/usr/bin/busybox dd',
    '/usr/sbin/sfdisk --no-reread',
    '/usr/bin/partx --update',
    '/usr/sbin/mke2fs -q',
  ]);
});
