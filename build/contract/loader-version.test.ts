import { expect, test } from '@jest/globals';
import { isOlderLoader, readLoaderVersion } from './loader-version.ts';

/** Headers of a PE file with one section. */
function program(section: string, text: string): Buffer {
  const bytes = Buffer.alloc(1024);
  bytes.write('MZ');
  bytes.writeUInt32LE(64, 60);
  bytes.write('PE\0\0', 64);
  bytes.writeUInt16LE(1, 70);
  bytes.writeUInt16LE(0, 84);
  bytes.write(section, 88);
  bytes.writeUInt32LE(text.length, 96);
  bytes.writeUInt32LE(512, 104);
  bytes.writeUInt32LE(512, 108);
  bytes.write(text, 512, 'latin1');
  return bytes;
}
const read = (bytes: Buffer) => (offset: number, size: number) => bytes.subarray(offset, offset + size);

test.each([
  ['.sdmagic', '#### LoaderInfo: systemd-boot 257.13-1~deb13u1 ####\0', '257.13-1~deb13u1'],
  ['.sdmagic', '#### LoaderInfo: systemd-stub 257.13-1~deb13u1 ####\0', undefined],
  ['.sdmagic', '#### LoaderInfo: GRUB 2 ####\0', undefined],
  ['.text', '#### LoaderInfo: systemd-boot 257.13 ####\0', undefined],
])('what a boot loader says of itself: %s %s', (section, text, version) => {
  expect(readLoaderVersion(read(program(section, text)))).toBe(version);
});

test('a file that is no program', () => {
  expect(readLoaderVersion(read(Buffer.alloc(2048)))).toBeUndefined();
});

test.each([
  ['257.13-1~deb13u1', '257.13-1~deb13u1', false],
  ['257.9', '257.13-1', true],
  ['257.13', '257.9', false],
  ['257', '257.1', true],
  ['258~rc1', '257.13', false],
  ['257.13-1', '257.13-2', false],
])('%s is older than %s: %s', (version, than, isOlder) => {
  expect(isOlderLoader(version, than)).toBe(isOlder);
});
