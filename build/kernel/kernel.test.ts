import { describe, expect, test } from '@jest/globals';
import { findDevicePatterns } from './device-patterns.ts';
import { parseModuleIndex } from './module-index.ts';
import { parseModuleList, readModuleList } from './module-lists.ts';
import { selectModules } from './select-modules.ts';

/** As depmod writes them. */
const index = parseModuleIndex({
  dep: [
    'kernel/drivers/md/dm-mod.ko.xz:',
    'kernel/drivers/md/dm-bufio.ko.xz: kernel/drivers/md/dm-mod.ko.xz',
    'kernel/drivers/md/dm-verity.ko.xz: kernel/drivers/md/dm-bufio.ko.xz kernel/drivers/md/dm-mod.ko.xz',
    'kernel/lib/libcrc32c.ko.xz:',
    'kernel/crypto/crc32c-intel.ko.xz:',
    'kernel/drivers/scsi/scsi_mod.ko.xz:',
    'kernel/drivers/ata/libata.ko.xz: kernel/drivers/scsi/scsi_mod.ko.xz',
    'kernel/drivers/ata/ahci.ko.xz: kernel/drivers/ata/libata.ko.xz kernel/drivers/scsi/scsi_mod.ko.xz',
    'kernel/net/a.ko.xz:',
    'kernel/net/b.ko.xz:',
    'kernel/net/nft_nat.ko.xz:',
    'kernel/net/nft_ct.ko.xz:',
    '',
  ].join('\n'),
  softdep: '# comment\nsoftdep libcrc32c pre: crc32c\nsoftdep a pre: b\nsoftdep b post: a absent\n',
  alias: [
    'alias crc32c crc32c_intel',
    'alias cpu:type:x86,*feature:*0094* crc32c_intel',
    'alias pci:v00008086d00001234sv*sd*bc*sc*i* ahci',
    'alias pci:v*d*sv*sd*bc01sc06i01* ahci',
    'alias devname:mapper/control dm_mod',
  ].join('\n'),
  builtin: 'kernel/drivers/nvme/host/nvme.ko\n',
});

const wanted = (...names: string[]) =>
  names.map((name) => ({ name, reason: 'a test', mayBeMissing: false, onDemand: false }));
const select = (...names: string[]) => selectModules(wanted(...names), index, '6.12.1', 'list.yaml');

describe('selection of modules', () => {
  test.each<[string, string[], string[]]>([
    ['dependencies first', ['dm-verity'], ['dm_mod', 'dm_bufio', 'dm_verity']],
    ['each once', ['dm-mod', 'dm-verity', 'dm_mod'], ['dm_mod', 'dm_bufio', 'dm_verity']],
    ['what is built in is there', ['nvme'], []],
    ['soft dependencies by alias', ['libcrc32c'], ['crc32c_intel', 'libcrc32c']],
    ['soft dependencies in a circle', ['a'], ['b', 'a']],
    ['patterns', ['nft_*'], ['nft_ct', 'nft_nat']],
  ])('%s', (_name, names, expected) => {
    expect(select(...names)).toEqual(expected);
  });

  test('a module that is not there is an error', () => {
    expect(() => select('no-such')).toThrow(
      expect.objectContaining({
        code: 'MODULE_MISSING',
        message: 'Cannot prepare kernel 6.12.1: it has no module no-such (wanted for: a test)',
        hint: 'Take it out of the list, or mark its entry with "mayBeMissing: true".',
      }),
    );
  });

  test('unless its entry says that it may be missing', () => {
    const module = { name: 'no-such', reason: 'a test', mayBeMissing: true, onDemand: false };
    expect(selectModules([module], index, '6.12.1', 'list.yaml')).toEqual([]);
  });
});

describe('device patterns', () => {
  const names = ['ahci', 'dm-verity', 'libcrc32c'];
  const patterns = findDevicePatterns(select(...names), wanted(...names), index);

  test('a dependency is wanted by the devices of what needs it; a class of devices stands for single ones', () => {
    const devices = ['pci:v*d*sv*sd*bc01sc06i01*'];
    expect([patterns.get('ahci'), patterns.get('libata'), patterns.get('scsi_mod')]).toEqual([
      devices,
      devices,
      devices,
    ]);
  });

  test('what names no device, and what that depends on, is always wanted', () => {
    expect([patterns.get('dm_verity'), patterns.get('dm_mod'), patterns.get('libcrc32c')]).toEqual([
      [],
      [],
      [],
    ]);
  });

  test('what is wanted on demand says so, with what only it depends on', () => {
    const marked = wanted('dm-verity', 'libata').map((module) => ({ ...module, onDemand: true }));
    const found = findDevicePatterns(
      select('ahci', 'dm-verity', 'libata', 'nft_nat'),
      [...wanted('ahci', 'nft_nat'), ...marked],
      index,
    );
    expect([found.get('dm_verity'), found.get('dm_mod')]).toEqual([['on-demand'], ['on-demand']]);
    // A device wants it too.
    expect(found.get('libata')).toEqual(['pci:v*d*sv*sd*bc01sc06i01*']);
    expect(found.get('nft_nat')).toEqual([]);
  });

  test('a soft dependency keeps its own', () => {
    expect(patterns.get('crc32c_intel')).toEqual(['cpu:type:x86,*feature:*0094*']);
  });
});

describe('lists of modules', () => {
  test('an entry is for the architectures that it names', () => {
    const text =
      'modules: [{ reason: r, modules: [a, b] }, { reason: s, architectures: [arm64], modules: [c] }]';
    expect(parseModuleList(text, 'x86-64').map(({ name }) => name)).toEqual(['a', 'b']);
    expect(parseModuleList(text, 'arm64').map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  test('an entry without a reason is refused', () => {
    expect(() => parseModuleList('modules: [{ modules: [a] }]', 'x86-64')).toThrow(/reason/);
  });

  test.each(['initramfs', 'root'] as const)('the list for %s is good', async (purpose) => {
    expect((await readModuleList(purpose, 'x86-64')).length).toBeGreaterThan(10);
    expect((await readModuleList(purpose, 'arm64')).length).toBeGreaterThan(10);
  });
});
