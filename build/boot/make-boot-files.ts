import { createHash } from 'node:crypto';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { espLayout } from '../contract/machine-layout.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Workshop } from '../tools/workshop.ts';
import { efiNames } from './efi-names.ts';
import type { BootFiles, UnifiedKernelImage } from './unified-kernel-image.ts';

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
 * The files of a fresh ESP: boot loader, the unified kernel image of slot a (good from the start, so not counted), and
 * for each slot the addon that says which slot it is. No random seed: systemd-boot would rewrite it at each boot.
 */
export async function makeBootFiles(
  workshop: Workshop,
  recipe: Recipe,
  uki: UnifiedKernelImage,
): Promise<BootFiles> {
  const tools = await workshop.openTools('image');
  const addonStub = await readFile(uki.addonStub);
  const bootLoader = await readFile(uki.bootLoader);
  const { suffix } = efiNames[recipe.architecture];
  const step = await workshop.store.step(
    {
      title: 'make boot files',
      moduleUrl: import.meta.url,
      inputs: {
        addonStub: digest(addonStub),
        bootLoader: digest(bootLoader),
        suffix,
        loaderConf,
        tools: tools.id,
      },
    },
    async (folder) => {
      const stub = join(folder, 'addon.stub');
      await copyFile(uki.addonStub, stub);
      await copyFile(uki.bootLoader, join(folder, 'boot.efi'));
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
  const files = [
    ...listed.map(({ path, file, sha256 }) => ({ path, source: join(step.folder, file), sha256 })),
    { path: espLayout.kernel.a, source: uki.path, sha256: uki.sha256 },
  ];
  return { files: files.sort((one, other) => (one.path < other.path ? -1 : 1)) };
}

function digest(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
