import { expect, test } from '@jest/globals';
import { type FakeDevice, makeFakeDevice } from '../testing/fake-device.ts';
import { keepReserve } from './state-reserve.ts';

const reserve = '/var/lib/keelson/update/reserve';

function keep(situation: { kind?: string; freeKiB: number; hasReserve?: boolean }): FakeDevice {
  const { kind = 'disk', freeKiB, hasReserve = false } = situation;
  const device = makeFakeDevice({
    files: {
      '/run/keelson/state.json': JSON.stringify({ kind }),
      ...(hasReserve ? { [reserve]: 'zeros' } : {}),
    },
    commands: [
      ([name]) => {
        if (name === 'dd') device.writeFile(reserve, 'zeros');
        return name === 'busybox'
          ? { stdout: `Filesystem\n/dev/vda4 256000 1 ${freeKiB} 99% /var/lib/keelson\n` }
          : undefined;
      },
    ],
  });
  const full: FakeDevice = {
    ...device,
    writeFile(path, content, mode) {
      if (freeKiB === 0) throw new Error('No space left on device');
      device.writeFile(path, content, mode);
    },
  };
  keepReserve(full);
  return device;
}

test.each([
  ['room: it is set aside', { freeKiB: 200_000 }, true],
  ['little room: it is left to others', { freeKiB: 9000 }, false],
  ['set aside, and room: it stays', { freeKiB: 9000, hasReserve: true }, true],
  ['set aside, and none left: it goes', { freeKiB: 0, hasReserve: true }, false],
  ['state in memory: nothing is set aside', { kind: 'memory', freeKiB: 200_000 }, false],
])('%s', (_name, situation, isThere) => {
  const { files } = keep(situation);
  expect(files.has(reserve)).toBe(isThere);
  expect(files.has('/var/lib/keelson/update/room')).toBe(false);
});
