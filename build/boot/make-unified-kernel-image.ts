import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackageSet } from '../debian/package-set.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { bytesOf } from '../rootfs/byte-source.ts';
import { makeOsRelease } from '../rootfs/os-release.ts';
import type { SealedRootfs } from '../seal/sealed-rootfs.ts';
import type { Workshop } from '../tools/workshop.ts';
import { writeCpio } from './cpio-archive.ts';
import { efiNames } from './efi-names.ts';
import { kernelCommandLine } from './kernel-command-line.ts';
import { makeInitramfs } from './make-initramfs.ts';
import { writeRootParameters } from './root-parameters.ts';
import type { UnifiedKernelImage } from './unified-kernel-image.ts';

/**
 * Joins kernel, initramfs, command line and os-release to one PE file,
 * https://uapi-group.org/specifications/specs/unified_kernel_image/. Only the last, tiny part of the initramfs knows the
 * root, so that a changed root compresses nothing again.
 */
export async function makeUnifiedKernelImage(
  workshop: Workshop,
  recipe: Recipe,
  packages: PackageSet,
  kernel: Kernel,
  sealed: SealedRootfs,
): Promise<UnifiedKernelImage> {
  const initramfs = await makeInitramfs(workshop, recipe, packages, kernel);
  const tools = await workshop.openTools('image');
  const commandLine = kernelCommandLine(recipe);
  // systemd-boot sorts entries by IMAGE_ID, then the newest IMAGE_VERSION first.
  const osRelease = makeOsRelease(recipe);
  const rootParameters = writeRootParameters(recipe, sealed);
  const { suffix } = efiNames[recipe.architecture];

  const step = await workshop.store.step(
    {
      title: 'make unified kernel image',
      moduleUrl: import.meta.url,
      inputs: {
        kernel: kernel.image.sha256,
        release: kernel.release,
        initramfs: initramfs.sha256,
        stub: initramfs.kernelStub.sha256,
        commandLine,
        osRelease,
        rootParameters,
        architecture: recipe.architecture,
        tools: tools.id,
      },
    },
    async (folder) => {
      const file = (name: string) => join(folder, name);
      await writeFile(file('linux'), await kernel.image.read());
      await writeFile(file('initramfs'), await readFile(initramfs.path));
      await writeFile(file('stub'), await readFile(initramfs.kernelStub.path));
      await writeFile(file('os-release'), osRelease);
      await writeFile(
        file('root.cpio'),
        await writeCpio(
          new Map([
            [
              '/root.env',
              {
                type: 'file',
                mode: 0o444,
                uid: 0,
                gid: 0,
                origin: 'initramfs',
                content: bytesOf(rootParameters),
              },
            ],
          ]),
        ),
      );
      await tools.run({
        file: '/usr/bin/ukify',
        arguments: [
          'build',
          `--linux=${file('linux')}`,
          `--initrd=${file('initramfs')}`,
          `--initrd=${file('root.cpio')}`,
          `--stub=${file('stub')}`,
          `--efi-arch=${suffix}`,
          `--uname=${kernel.release}`,
          `--cmdline=${commandLine}`,
          `--os-release=@${file('os-release')}`,
          `--output=${file('uki.efi')}`,
        ],
        writable: [folder],
      });
      for (const part of ['linux', 'initramfs', 'stub', 'os-release', 'root.cpio']) await rm(file(part));
      const content = await readFile(file('uki.efi'));
      const facts = {
        sizeBytes: content.length,
        sha256: createHash('sha256').update(content).digest('hex'),
      };
      await writeFile(file('uki.json'), `${JSON.stringify(facts)}\n`);
    },
  );
  const facts = JSON.parse(await readFile(join(step.folder, 'uki.json'), 'utf8')) as {
    readonly sizeBytes: number;
    readonly sha256: string;
  };
  const kernelPackages = packages.group('kernel').map((opened) => opened.locked);
  return {
    path: join(step.folder, 'uki.efi'),
    ...facts,
    kernelBytes: kernel.image.sizeBytes,
    initramfsBytes: initramfs.sizeBytes,
    commandLine,
    packages: [...kernelPackages, ...initramfs.packages].sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}
