import { describe, expect, test } from '@jest/globals';
import type { Recipe } from '../recipe/recipe.ts';
import { bytesOf } from '../rootfs/byte-source.ts';
import type { TreeNode } from '../rootfs/tree.ts';
import type { SealedRootfs } from '../seal/sealed-rootfs.ts';
import { writeCpio } from './cpio-archive.ts';
import { kernelCommandLine } from './kernel-command-line.ts';
import { checkKernelFolder } from './lint-esp.ts';
import { writeRootParameters } from './root-parameters.ts';

const recipe = {
  name: 'minimal',
  version: '2026.11.1',
  architecture: 'x86-64',
  kernelArguments: [] as readonly string[],
  place: { file: 'recipe.yaml' },
} as Recipe;

const sealed = {
  rootHash: 'ab'.repeat(32),
  salt: 'cd'.repeat(32),
  dataBlocks: 1000,
  hashOffsetBytes: 1000 * 4096,
} as SealedRootfs;

describe('kernel command line', () => {
  test('the serial line is last, then what the recipe adds', () => {
    expect(kernelCommandLine({ ...recipe, kernelArguments: ['mitigations=auto'] })).toBe(
      'console=tty0 console=ttyS0,115200 panic=10 oops=panic gpt loglevel=4 mitigations=auto',
    );
    expect(kernelCommandLine({ ...recipe, architecture: 'arm64' })).toContain(' console=ttyAMA0,115200 ');
  });

  test.each([
    ['root=/dev/vda', 'a parameter that ends in "root=" misleads the updater'],
    ['nfsroot=10.0.0.1:/x', 'a parameter that ends in "root=" misleads the updater'],
    ['rauc.slot=b', 'the slot and the first program are decided by the image'],
    ['init=/bin/sh', 'the slot and the first program are decided by the image'],
    ['rdinit=/bin/sh', 'the slot and the first program are decided by the image'],
    ['a b', 'it has spaces or characters that are not ASCII'],
    ['', 'it has spaces or characters that are not ASCII'],
  ])('refuses %p', (argument, reason) => {
    expect(() => kernelCommandLine({ ...recipe, kernelArguments: [argument] })).toThrow(
      expect.objectContaining({
        code: 'KERNEL_ARGUMENT_REFUSED',
        message: `Cannot use kernel argument "${argument}": ${reason}`,
      }),
    );
  });
});

describe('parameters of the root', () => {
  test('are shell words that /init sources', () => {
    expect(writeRootParameters(recipe, sealed)).toBe(
      [
        `ROOT_HASH=${'ab'.repeat(32)}`,
        `SALT=${'cd'.repeat(32)}`,
        'DATA_BLOCKS=1000',
        'HASH_START_BLOCK=1001',
        'VERSION=2026.11.1',
        '',
      ].join('\n'),
    );
  });

  test('can be nothing but words', () => {
    expect(() => writeRootParameters({ ...recipe, version: '1; reboot' }, sealed)).toThrow(
      '"1; reboot" cannot be a parameter of the initramfs',
    );
  });
});

describe('cpio archive', () => {
  const common = { uid: 0, gid: 0, origin: 'test' };
  const tree = new Map<string, TreeNode>([
    ['/init', { ...common, type: 'file', mode: 0o755, content: bytesOf('#!x\n') }],
    ['/dev', { ...common, type: 'folder', mode: 0o755 }],
    ['/dev/console', { ...common, type: 'device', device: 'character', mode: 0o600, major: 5, minor: 1 }],
    ['/bin', { ...common, type: 'link', mode: 0o777, target: 'usr/bin' }],
  ]);

  test('is sorted, without times, and ends as the kernel wants it', async () => {
    const archive = await writeCpio(tree);
    expect(archive.length % 4).toBe(0);
    const names = [...archive.toString('latin1').matchAll(/070701[0-9a-f]{104}([\w/!]+)\0/g)].map(
      ([, name]) => name,
    );
    expect(names).toEqual(['bin', 'dev', 'dev/console', 'init', 'TRAILER!!!']);
    const fields = archive
      .toString('latin1')
      .match(/070701([0-9a-f]{104})dev\/console/)?.[1]
      ?.match(/.{8}/g);
    expect(fields?.map((field) => Number.parseInt(field, 16))).toEqual([
      3, 0o020600, 0, 0, 1, 0, 0, 0, 0, 5, 1, 12, 0,
    ]);
  });

  test('does not depend on the order of the tree', async () => {
    expect((await writeCpio(new Map([...tree].reverse()))).equals(await writeCpio(tree))).toBe(true);
  });
});

describe('folder of kernels on the ESP', () => {
  test('both slots and a spare counted name fit one sector', () => {
    expect(() => checkKernelFolder(['EFI/Linux/a.efi', 'loader/loader.conf'])).not.toThrow();
  });

  test('long names do not', () => {
    expect(() =>
      checkKernelFolder(['EFI/Linux/minimal-x86-64_2026.11.1+3-0.efi', 'EFI/Linux/x.efi']),
    ).toThrow(
      expect.objectContaining({
        code: 'ESP_FOLDER_TOO_LARGE',
        message: expect.stringMatching(
          /^Cannot keep boot counting safe: EFI\/Linux would need 18 directory entries \(.*\), one sector has 16$/,
        ),
      }),
    );
  });
});
