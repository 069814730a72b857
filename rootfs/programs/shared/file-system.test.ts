import { expect, test } from '@jest/globals';
import { blankBytes, ext4Bytes, fat32Bytes, fatBytes, isoBytes } from '../testing/file-system-bytes.ts';
import { identifyFileSystem } from './file-system.ts';

test.each([
  ['zeros', blankBytes(), { kind: 'blank' }],
  ['nothing at all', new Uint8Array(0), { kind: 'blank' }],
  ['noise', blankBytes().fill(7), { kind: 'unknown' }],
  ['one byte that is not zero', blankBytes().fill(1, 20000, 20001), { kind: 'unknown' }],
  [
    'ext4',
    ext4Bytes({ blocks: 1000 }),
    { kind: 'ext4', label: 'state', sizeBytes: 4096000, wasMounted: true },
  ],
  [
    'ext4 never mounted',
    ext4Bytes({ blocks: 1, wasMounted: false }),
    { kind: 'ext4', label: 'state', sizeBytes: 4096, wasMounted: false },
  ],
  ['FAT12', fatBytes('CIDATA'), { kind: 'vfat', label: 'CIDATA' }],
  ['FAT32', fat32Bytes('cidata'), { kind: 'vfat', label: 'cidata' }],
  ['ISO 9660', isoBytes('cidata'), { kind: 'iso9660', label: 'cidata' }],
  ['ISO 9660 cut short', isoBytes('cidata').subarray(0, 32780), { kind: 'unknown' }],
])('%s', (_name, bytes, expected) => {
  expect(identifyFileSystem(bytes)).toEqual(expected);
});
