import { expect, test } from '@jest/globals';
import { makeFakeDevice } from '../testing/fake-device.ts';
import { withMedium } from './open-medium.ts';

const medium = { device: '/dev/sda1', fileSystem: 'vfat', isReadOnly: false, path: '/x.raucb' };
const failed = (message: string) => ({ kind: 'failed', code: 'X', message }) as const;

test('it is mounted while it is used', () => {
  const device = makeFakeDevice();
  expect(withMedium(device, medium, (location) => failed(location))).toEqual(
    failed('/run/update/medium/x.raucb'),
  );
  expect(device.commandsRun).toEqual([
    'umount /run/update/medium',
    'mount -t vfat -o rw,nodev,nosuid,noexec /dev/sda1 /run/update/medium',
    'umount /run/update/medium',
  ]);
});

test('a stick that was pulled out', () => {
  const device = makeFakeDevice({
    commands: [([name]) => (name === 'mount' ? { exitCode: 1, stderr: 'no such device\n' } : undefined)],
  });
  expect(withMedium(device, medium, failed)).toEqual({
    kind: 'failed',
    code: 'MEDIUM_UNREADABLE',
    message: '/dev/sda1 cannot be mounted: no such device',
  });
});
