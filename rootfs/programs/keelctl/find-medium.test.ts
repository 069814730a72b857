import { expect, test } from '@jest/globals';
import { makeFakeDevice } from '../testing/fake-device.ts';
import { findMedium } from './find-medium.ts';

const mounts = [
  '21 1 0:19 / / ro,relatime - overlay overlay ro',
  '30 21 8:1 / /mnt rw,relatime shared:5 - vfat /dev/sda1 rw,fmask=0022',
  '31 21 8:2 /folder /mnt/my\\040disk rw,relatime - ext4 /dev/sda2 ro',
  '32 21 0:30 / /tmp rw - tmpfs tmpfs rw',
].join('\n');

const fat = { device: '/dev/sda1', fileSystem: 'vfat', isReadOnly: false };

test.each([
  ['/mnt/x.raucb', { ...fat, path: '/x.raucb' }],
  ['/mnt/deep/x.raucb', { ...fat, path: '/deep/x.raucb' }],
  [
    '/mnt/my disk/x.raucb',
    { device: '/dev/sda2', fileSystem: 'ext4', isReadOnly: true, path: '/folder/x.raucb' },
  ],
  ['/mntx/x.raucb', undefined],
  ['/tmp/x.raucb', undefined],
])('%s', (path, medium) => {
  expect(findMedium(makeFakeDevice({ files: { '/proc/self/mountinfo': mounts } }), path)).toEqual(medium);
});
