import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { writeSlotFixture } from '../../../build/testing/slot-fixture.ts';
import { makeFakeDevice } from '../testing/fake-device.ts';
import { makeFakeDisk } from '../testing/fake-disk.ts';
import { runUpdateAgent } from './run-update-agent.ts';

const now = 1_795_000_000;
const environment = {
  RAUC_META_UPDATE_VERSION: '2026.11.1',
  RAUC_META_UPDATE_SEQUENCE: '202611000001',
  RAUC_TARGET_SLOTS: '2',
  RAUC_IMAGE_DIGEST_2: 'ab',
  RAUC_IMAGE_NAME_2: 'os.img',
  RAUC_BUNDLE_MOUNT_POINT: '/bundle',
};
const installed = { compatible: 'demo-x86-64', version: '2026.11.0', minimumVersion: '2026.01.0' };
const release = {
  version: '2026.11.1',
  sequence: 202611000001,
  compatible: 'demo-x86-64',
  imageSha256: 'ab',
};
const downloading = {
  phase: 'downloading',
  source: { kind: 'file', location: '/new.raucb' },
  restartAt: now,
  attempt: 1,
};
const judgeIt = (accepted: unknown, changes: Record<string, string> = {}) => {
  const machine = makeFakeDevice({
    arguments: ['judge'],
    now: now * 1000,
    environment: { ...environment, ...changes },
    files: {
      ...(accepted === undefined ? {} : { '/run/update/accepted.json': JSON.stringify(accepted) }),
      '/run/keelson/boot.json': JSON.stringify({ slot: 'a', disk: 'vda', diskDevice: '/dev/vda' }),
      '/sys/class/block/vda/size': String(100 * 2048),
      '/sys/class/block/vda3/start': String(15 * 2048),
      '/sys/class/block/vda3/size': String(10 * 2048),
      '/sys/block/vda/vda1/uevent': 'PARTNAME=esp\n',
      '/bundle/os.img': '',
      '/var/lib/keelson/update/state.json': JSON.stringify(downloading),
    },
    devices: {
      '/dev/vda': makeFakeDisk(100, 'esp=4 root-a=10 root-b=10 state=20'),
      '/bundle/os.img': image,
    },
    commands: [(command) => (command[1] === 'stat' ? { stdout: '20000 512\n' } : undefined)],
  });
  const code = runUpdateAgent(machine);
  const state = JSON.parse(machine.files.get('/var/lib/keelson/update/state.json') ?? '');
  return { code, printed: machine.printed.join('\n'), state };
};

let image: Uint8Array;
beforeAll(async () => {
  const scratch = await mkdtemp(join(tmpdir(), 'judge-'));
  await writeSlotFixture(join(scratch, 'slot'));
  image = await readFile(join(scratch, 'slot'));
  await rm(scratch, { recursive: true });
});

test('a newer one that a person named, and the one that the channel names', () => {
  expect(judgeIt({ installed })).toMatchObject({ code: 0, printed: '' });
  expect(judgeIt({ installed, fromChannel: { release, expiresAt: now + 1 } }).code).toBe(0);
});

test('what it will be measured by is on state before anything is written', () => {
  const update = { slot: 'b', before: { hasNetwork: true } };
  expect(judgeIt({ installed, update }).state).toEqual({
    ...downloading,
    update: { ...update, version: '2026.11.1', imageSha256: 'ab' },
  });
  const newer = { ...installed, version: '2026.11.1' };
  expect(judgeIt({ installed: newer, update }).state).toEqual(downloading);
});

test.each([
  ['nobody asked', undefined, {}, 'nobody asked for this installation'],
  ['older', { installed: { ...installed, version: '2026.11.1' } }, {}, 'BUNDLE_DOWNGRADE'],
  [
    'below the minimum',
    { installed: { ...installed, minimumVersion: '2026.12.0' } },
    {},
    'BUNDLE_BELOW_MINIMUM',
  ],
  [
    'another image',
    { installed, fromChannel: { release, expiresAt: now + 1 } },
    { RAUC_IMAGE_DIGEST_2: 'cd' },
    'BUNDLE_FOREIGN',
  ],
  ['no image where RAUC says that it is', { installed }, { RAUC_TARGET_SLOTS: '1' }, '/bundle/ is missing'],
  ['a lie about the sequence', { installed }, { RAUC_META_UPDATE_SEQUENCE: '1' }, 'BUNDLE_FOREIGN'],
  ['an index of yesterday', { installed, fromChannel: { release, expiresAt: now } }, {}, 'INDEX_EXPIRED'],
])('%s: refused', (_, accepted, changes, code) => {
  const outcome = judgeIt(accepted, changes as Record<string, string>);
  expect(outcome.code).toBe(1);
  expect(outcome.printed).toContain(`<< error ${code}`);
});
