import { createHash } from 'node:crypto';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readLoaderVersion } from '../contract/loader-version.ts';
import { espLayout } from '../contract/machine-layout.ts';
import type { PackageSet } from '../debian/package-set.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Workshop } from '../tools/workshop.ts';
import { efiNames } from './efi-names.ts';
import { makeInitramfs } from './make-initramfs.ts';
import type { LoaderFiles } from './unified-kernel-image.ts';

/**
 * systemd-boot's settings, https://www.freedesktop.org/software/systemd/man/257/loader.conf.html. No `default`: it would
 * ignore that an entry is bad. Nothing may be edited or entered that the image does not bring.
 */
const loaderConf = [
  'timeout 0',
  'editor no',
  'auto-entries no',
  'auto-firmware no',
  'auto-reboot no',
  'auto-poweroff no',
  'secure-boot-enroll if-safe',
  '',
].join('\n');

/**
 * The files of a fresh ESP but for the kernel image: boot loader, its settings, and for each slot the addon that says which
 * slot it is. No random seed: systemd-boot would rewrite it at each boot.
 */
export async function makeLoaderFiles(
  workshop: Workshop,
  recipe: Recipe,
  packages: PackageSet,
  kernel: Kernel,
): Promise<LoaderFiles> {
  const tools = await workshop.openTools('image');
  // The boot loader is of the same locked package as the stub of the kernel image.
  const initramfs = await makeInitramfs(workshop, recipe, packages, kernel);
  const bootLoader = await readFile(initramfs.bootLoader.path);
  checkVersion(bootLoader);
  const { suffix } = efiNames[recipe.architecture];
  const step = await workshop.store.step(
    {
      title: 'make boot files',
      moduleUrl: import.meta.url,
      inputs: {
        addonStub: initramfs.addonStub.sha256,
        bootLoader: initramfs.bootLoader.sha256,
        suffix,
        loaderConf,
        tools: tools.id,
      },
    },
    async (folder) => {
      const stub = join(folder, 'addon.stub');
      await copyFile(initramfs.addonStub.path, stub);
      await writeFile(join(folder, 'boot.efi'), bootLoader);
      await writeFile(join(folder, 'loader.conf'), loaderConf);
      const files: { path: string; file: string }[] = [
        { path: espLayout.bootLoader[recipe.architecture], file: 'boot.efi' },
        { path: espLayout.loaderConf, file: 'loader.conf' },
      ];
      for (const slot of ['a', 'b'] as const) {
        const file = `slot-${slot}.addon.efi`;
        await tools.run({
          file: '/usr/bin/ukify',
          arguments: [
            'build',
            `--stub=${stub}`,
            `--efi-arch=${suffix}`,
            `--cmdline=rauc.slot=${slot}`,
            `--output=${join(folder, file)}`,
          ],
          writable: [folder],
        });
        files.push({ path: espLayout.addon[slot], file });
      }
      const listed = await Promise.all(
        files.map(async (entry) => ({ ...entry, sha256: digest(await readFile(join(folder, entry.file))) })),
      );
      await writeFile(join(folder, 'files.json'), `${JSON.stringify(listed, null, 1)}\n`);
    },
  );
  const listed = JSON.parse(await readFile(join(step.folder, 'files.json'), 'utf8')) as readonly {
    readonly path: string;
    readonly file: string;
    readonly sha256: string;
  }[];
  return {
    files: listed
      .map(({ path, file, sha256 }) => ({ path, source: join(step.folder, file), sha256 }))
      .sort((one, other) => (one.path < other.path ? -1 : 1)),
  };
}

/** A machine replaces its boot loader only by one that is not older. */
function checkVersion(bootLoader: Buffer): void {
  if (readLoaderVersion((offset, size) => bootLoader.subarray(offset, offset + size)) !== undefined) return;
  throw new KeelsonError({
    code: 'BOOT_LOADER_UNKNOWN',
    class: 'internal',
    message: 'Cannot use this boot loader: it does not say which version of systemd-boot it is',
    hint: 'Lock another version of systemd-boot-efi.',
  });
}

function digest(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
