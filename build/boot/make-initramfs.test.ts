import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { OpenedPackage } from '../debian/package.ts';
import type { PackageSet } from '../debian/package-set.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { prepareKernel } from '../kernel/prepare-kernel.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { FileRequest } from '../services/service-definition.ts';
import type { StepSpec } from '../store/store.ts';
import type { ToolCommand } from '../tools/tools-tree.ts';
import type { Workshop } from '../tools/workshop.ts';
import { makeInitramfs } from './make-initramfs.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'initramfs-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A workshop whose tools do nothing but leave what they would have made. */
function makeWorkshop(): Workshop {
  const tools = {
    id: 'tools',
    run: async ({ arguments: [...rest] }: ToolCommand) => {
      const plain = rest.at(-1) ?? '';
      await copyFile(plain, `${plain}.zst`);
    },
  };
  const step = async (_spec: StepSpec, produce: (folder: string) => Promise<void>) => {
    const output = await mkdtemp(join(folder, 'step-'));
    await produce(output);
    return { id: '', folder: output, isCached: false };
  };
  return { store: { step }, openTools: async () => tools } as unknown as Workshop;
}

function recipeWith(files: readonly FileRequest[]): Recipe {
  return {
    name: 'mine',
    version: '1.0.0',
    architecture: 'x86-64',
    place: { file: 'recipe.yaml' },
    kernel: { kind: 'debian', package: { name: 'linux-image-mine' } },
    initramfsLayer: { name: 'initramfs', folder: '', description: '', accounts: [], packages: [], files },
  } as unknown as Recipe;
}

const noPackages = { group: (): readonly OpenedPackage[] => [] } as unknown as PackageSet;
const kernel = { release: '6.12', initramfsModules: [] } as unknown as Kernel;
const place = { file: 'layer.yaml' };

describe('what the initramfs refuses', () => {
  test('a layer without a boot loader', async () => {
    await expect(makeInitramfs(makeWorkshop(), recipeWith([]), noPackages, kernel)).rejects.toMatchObject({
      code: 'BOOT_LOADER_MISSING',
      message:
        'Cannot make mine bootable: the layer "initramfs" has no /usr/lib/systemd/boot/efi/linuxx64.efi.stub',
    });
  });

  test('device programs, which need QuickJS', async () => {
    const files: FileRequest[] = [{ kind: 'program', path: '/usr/bin/x', program: 'x', place }];
    await expect(makeInitramfs(makeWorkshop(), recipeWith(files), noPackages, kernel)).rejects.toMatchObject({
      faults: [
        expect.objectContaining({
          code: 'PROGRAM_REFUSED',
          message: 'Cannot put program x into the initramfs: it has no QuickJS',
        }),
      ],
    });
  });

  test('a group without a kernel', async () => {
    await expect(prepareKernel(makeWorkshop(), recipeWith([]), noPackages)).rejects.toMatchObject({
      code: 'KERNEL_MISSING',
      message: 'Cannot prepare the kernel: no package of linux-image-mine has a vmlinuz',
    });
  });
});
