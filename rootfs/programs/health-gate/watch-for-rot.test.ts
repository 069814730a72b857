import { describe, expect, test } from '@jest/globals';
import { type BootLedger, formatLedger, ledgerBlock } from '../../../build/contract/boot-ledger.ts';
import type { Device } from '../device.ts';
import type { BootFile } from '../shared/boot-file.ts';
import { type FakeDevice, makeFakeDevice } from '../testing/fake-device.ts';
import { closeLedger, tellOfLeftSlot, watchForRot } from './watch-for-rot.ts';

const boot = {
  format: 1,
  slot: 'b',
  askedSlot: 'b',
  disk: 'vda',
  partition: 'vda3',
  version: '2026.11.2',
  refused: [],
} as unknown as BootFile;

const ledger: BootLedger = {
  rootHash: 'ab'.repeat(32),
  version: '2026.11.2',
  starts: 2,
  state: 'open',
  reason: '',
};
const sectors = 80;
const good = { name: 'sshd', state: 'running', lastExit: null };
const dead = { name: 'web', state: 'failed', lastExit: { code: 126 } };
const slow = { name: 'web', state: 'starting', lastExit: null };

const corruption = '[    9.1] device-mapper: verity: 254:3: data block 812 is corrupted\n';
const badSector =
  '[    9.1] I/O error, dev vda, sector 5010 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 0\n';

interface Situation {
  readonly services?: readonly object[];
  /** Starts of `sshd` at each look; the last one goes on. */
  readonly restarts?: readonly number[];
  readonly kernelLog?: string;
  readonly ledgers?: Readonly<Partial<Record<'a' | 'b', BootLedger>>>;
  readonly stateKind?: 'disk' | 'memory';
  readonly diskIsReadOnly?: boolean;
}

function makeMachine(situation: Situation): Device & FakeDevice & { written: string[] } {
  const written: string[] = [];
  const partition = (text: BootLedger | undefined) => {
    const bytes = new Uint8Array(sectors * 512);
    bytes.set(new TextEncoder().encode(text === undefined ? '' : formatLedger(text)), bytes.length - 4096);
    return bytes;
  };
  const { services = [good], kernelLog = '', ledgers = { b: ledger }, stateKind = 'disk' } = situation;
  let look = 0;
  const { restarts = [0] } = situation;
  const fake = makeFakeDevice({
    files: {
      '/run/keelson/state.json': JSON.stringify({ kind: stateKind }),
      '/sys/block/vda/vda2/uevent': 'PARTNAME=root-a\n',
      '/sys/block/vda/vda3/uevent': 'PARTNAME=root-b\n',
      '/sys/class/block/vda2/size': `${sectors}\n`,
      '/sys/class/block/vda3/size': `${sectors}\n`,
      '/sys/class/block/vda3/start': '5000\n',
    },
    devices: { '/dev/vda2': partition(ledgers.a), '/dev/vda3': partition(ledgers.b) },
    commands: [
      (command, input) => {
        if (command[0] === 'keelctl') {
          const count = restarts[Math.min(look++, restarts.length - 1)];
          const counted = services.map((service) => ({ ...service, restarts: count }));
          return { stdout: JSON.stringify({ services: counted, health: [] }) };
        }
        if (command[1] === 'dmesg') return { stdout: kernelLog };
        if (command[0] !== 'dd') return undefined;
        if (situation.diskIsReadOnly === true) return { exitCode: 1, stderr: 'dd: read-only file system\n' };
        written.push(`${command.find((word) => word.startsWith('of='))}: ${input.split('\n')[0]}`);
        return {};
      },
    ],
  });
  const startedAt = fake.now();
  return {
    ...fake,
    written,
    readFile: (path, limit) =>
      path === '/proc/uptime' ? `${(fake.now() - startedAt) / 1000} 0` : fake.readFile(path, limit),
  };
}

describe('the end of an ordinary boot', () => {
  test.each<[string, Situation, boolean, 'well' | 'rotten', string]>([
    ['services are well', {}, true, 'well', 'of=/dev/vda3: '],
    ['and damaged blocks do not matter', { kernelLog: corruption }, true, 'well', 'of=/dev/vda3: '],
    [
      'one is not, on an intact root: its owner’s matter',
      { services: [dead] },
      true,
      'well',
      'of=/dev/vda3: ',
    ],
    [
      'one is not, and blocks are corrupted',
      { services: [good, dead], kernelLog: corruption },
      true,
      'rotten',
      'service web is failed (exit code 126); data block 812 of its root is corrupted',
    ],
    [
      'one is well in between, and blocks are corrupted',
      { restarts: Array.from({ length: 60 }, (_, look) => Math.floor(look / 2)), kernelLog: corruption },
      true,
      'rotten',
      'the services did not come to rest; data block 812 of its root is corrupted',
    ],
    ['one has died once on an intact root', { restarts: [0, 1] }, true, 'well', 'of=/dev/vda3: '],
    [
      'one never comes up, and a sector cannot be read',
      { services: [slow], kernelLog: badSector },
      true,
      'rotten',
      'service web is starting; sector 5010 of the disk cannot be read',
    ],
    [
      'a sector of another partition is no matter of this slot',
      { services: [dead], kernelLog: badSector.replace('5010', '5080') },
      true,
      'well',
      'of=/dev/vda3: ',
    ],
    [
      'there is no good one to go to: half a machine is better than none',
      { services: [dead], kernelLog: corruption },
      false,
      'well',
      'of=/dev/vda3: ',
    ],
  ])('%s', (_, situation, isOtherGood, verdict, written) => {
    const machine = makeMachine(situation);
    expect(watchForRot(machine, boot, isOtherGood)).toBe(verdict);
    expect(machine.written).toHaveLength(1);
    expect(machine.written[0]).toContain(written);
    if (verdict === 'rotten') {
      expect(machine.written[0]).toContain(' 2026.11.2 2 open ');
      expect(machine.files.get('/dev/console')).toContain('slot b is damaged');
    }
  });

  test('only the last block of the slot that the boot loader chose is written', () => {
    const machine = makeMachine({});
    closeLedger(machine, { ...boot, askedSlot: 'a' });
    expect(machine.commandsRun.at(-1)).toBe(
      `dd of=/dev/vda2 bs=4096 seek=${ledgerBlock(sectors)} count=1 conv=sync,fsync,notrunc`,
    );
    expect(ledgerBlock(sectors)).toBe(9);
  });

  test('a disk that cannot be written is said, no more', () => {
    const machine = makeMachine({ diskIsReadOnly: true });
    expect(watchForRot(machine, boot, true)).toBe('well');
    expect(machine.errorsPrinted.join()).toContain(
      'cannot write the ledger of /dev/vda3: dd: read-only file system',
    );
  });
});

describe('the other slot was left by the initramfs', () => {
  const left: BootLedger = {
    ...ledger,
    version: '2026.11.3',
    starts: 3,
    state: 'left',
    reason: 'its content is not what this kernel was built for',
  };
  const history = (machine: FakeDevice) =>
    JSON.parse(machine.files.get('/var/lib/keelson/update/history.json') ?? '[]');

  test('it goes on record, once', () => {
    const machine = makeMachine({ ledgers: { a: left } });
    tellOfLeftSlot(machine, boot, false);
    const reason =
      'slot a was started 3 times and did not prove healthy: its content is not what this kernel was built for';
    expect(history(machine)).toEqual([
      expect.objectContaining({
        event: 'demoted',
        fromVersion: '2026.11.3',
        version: '2026.11.2',
        slot: 'a',
        reasons: [reason],
      }),
    ]);
    expect(machine.files.get('/run/keelson/notice')).toBe(
      `Version 2026.11.3 was left, 2026.11.2 runs: ${reason}. See \`keelctl update history\`.\n`,
    );
    expect(machine.written).toEqual([
      `of=/dev/vda2: ${formatLedger({ ...left, state: 'told' }).split('\n')[0]}`,
    ]);
  });

  test('a trial that is on record already is not told twice', () => {
    const machine = makeMachine({ ledgers: { a: left } });
    tellOfLeftSlot(machine, boot, true);
    expect(history(machine)).toEqual([]);
    expect(machine.written).toHaveLength(1);
  });

  test('without state on disk it is told at each boot', () => {
    const machine = makeMachine({ ledgers: { a: left }, stateKind: 'memory' });
    tellOfLeftSlot(machine, boot, false);
    expect(machine.written).toEqual([]);
  });

  test.each([['open'], ['told']] as const)('nothing to tell: %s', (state) => {
    const machine = makeMachine({ ledgers: { a: { ...left, state } } });
    tellOfLeftSlot(machine, boot, false);
    expect(history(machine)).toEqual([]);
    expect(machine.written).toEqual([]);
  });
});
