import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OpenedPackage } from '../debian/package.ts';
import type { PackageSet } from '../debian/package-set.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { recipeTemplateContext } from '../recipe/render-template.ts';
import { bytesOf, bytesOfFile } from '../rootfs/byte-source.ts';
import { type SlicedFiles, sliceFiles } from '../rootfs/slice-files.ts';
import type { ByteSource, Tree, TreeNode } from '../rootfs/tree.ts';
import type { Workshop } from '../tools/workshop.ts';
import { writeCpio } from './cpio-archive.ts';
import { efiNames } from './efi-names.ts';
import type { Initramfs } from './initramfs.ts';

const scriptFolder = fileURLToPath(new URL('../../rootfs/initramfs', import.meta.url));
/** `/init` sources the others. */
const scriptModes = { init: 0o755, 'ledger.sh': 0o644, 'watchdog.sh': 0o644 } as const;
const efiFolder = '/usr/lib/systemd/boot/efi';

/**
 * Everything in the initramfs but the root's parameters: `/init` and what it sources, static busybox, dmsetup with its libraries, and the
 * modules. rootfs/initramfs/README.md says what `/init` wants where.
 */
export async function makeInitramfs(
  workshop: Workshop,
  recipe: Recipe,
  packages: PackageSet,
  kernel: Kernel,
): Promise<Initramfs> {
  const group = packages.group('initramfs');
  const tools = await workshop.openTools('image');
  const scripts = await readScripts();
  const step = await workshop.store.step(
    {
      title: 'make initramfs',
      moduleUrl: import.meta.url,
      inputs: {
        scripts: scripts.map(({ path, content }) => [path, content.sha256]),
        layer: layerInputs(recipe),
        packages: group.map((opened) => opened.locked.sha256),
        modules: kernel.initramfsModules.map(({ name, patterns, content }) => [
          name,
          patterns,
          content.sha256,
        ]),
        architecture: recipe.architecture,
        tools: tools.id,
      },
    },
    async (folder) => {
      const sliced = await sliceLayer(recipe, group);
      const plain = join(folder, 'initramfs.cpio');
      await writeFile(plain, await writeCpio(addModulesAndScripts(sliced.tree, kernel, scripts)));
      // Measured: xz is 8 % smaller (0.25 MB) and three times as slow to unpack; level 22 saves nothing over 19.
      await tools.run({
        file: '/usr/bin/zstd',
        arguments: ['--quiet', '--rm', '-19', '--single-thread', plain],
        writable: [folder],
      });
      const compressed = await readFile(`${plain}.zst`);
      const { suffix } = efiNames[recipe.architecture];
      const facts = {
        sha256: digest(compressed),
        sizeBytes: compressed.length,
        kernelStub: await takeEfiProgram(folder, sliced.tree, `linux${suffix}.efi.stub`, recipe),
        addonStub: await takeEfiProgram(folder, sliced.tree, `addon${suffix}.efi.stub`, recipe),
        bootLoader: await takeEfiProgram(folder, sliced.tree, `systemd-boot${suffix}.efi`, recipe),
        packages: sliced.packages.map((locked) => locked.name),
      };
      await writeFile(join(folder, 'initramfs.json'), `${JSON.stringify(facts, null, 1)}\n`);
    },
  );
  const facts = JSON.parse(await readFile(join(step.folder, 'initramfs.json'), 'utf8')) as InitramfsFacts;
  const program = (taken: TakenProgram) => ({ path: join(step.folder, taken.file), sha256: taken.sha256 });
  return {
    path: join(step.folder, 'initramfs.cpio.zst'),
    sizeBytes: facts.sizeBytes,
    sha256: facts.sha256,
    kernelStub: program(facts.kernelStub),
    addonStub: program(facts.addonStub),
    bootLoader: program(facts.bootLoader),
    packages: group.map((opened) => opened.locked).filter((locked) => facts.packages.includes(locked.name)),
  };
}

interface TakenProgram {
  readonly file: string;
  readonly sha256: string;
}

interface InitramfsFacts {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly kernelStub: TakenProgram;
  readonly addonStub: TakenProgram;
  readonly bootLoader: TakenProgram;
  readonly packages: readonly string[];
}

/** The layer without what does not reach the initramfs: where its file lies and on which line an entry stands. */
function layerInputs(recipe: Recipe): unknown {
  return recipe.initramfsLayer.files.map(({ place, ...file }) => file);
}

function sliceLayer(recipe: Recipe, group: readonly OpenedPackage[]): Promise<SlicedFiles> {
  const { name, files } = recipe.initramfsLayer;
  return sliceFiles({
    parts: [{ owner: `layer ${name}`, files, context: recipeTemplateContext(recipe) }],
    packages: group,
    bundleProgram: async (program) => {
      throw new KeelsonError({
        code: 'PROGRAM_REFUSED',
        class: 'input',
        message: `Cannot put program ${program} into the initramfs: it has no QuickJS`,
        hint: 'Take the program entry out of the layer "initramfs".',
      });
    },
  });
}

interface Script {
  readonly path: string;
  readonly mode: number;
  readonly content: ByteSource;
}

function readScripts(): Promise<readonly Script[]> {
  return Promise.all(
    Object.entries(scriptModes).map(async ([name, mode]) => ({
      path: `/${name}`,
      mode,
      content: await bytesOfFile(join(scriptFolder, name)),
    })),
  );
}

function addModulesAndScripts(sliced: Tree, kernel: Kernel, scripts: readonly Script[]): Tree {
  // What the slice brings for the ESP is no part of the initramfs.
  const tree = new Map<string, TreeNode>(
    [...sliced].filter(([path]) => !path.startsWith('/usr/lib/systemd')),
  );
  const common = { uid: 0, gid: 0, origin: 'initramfs' };
  const putFile = (path: string, mode: number, content: ByteSource) =>
    tree.set(path, { ...common, type: 'file', mode, content });
  for (const { path, mode, content } of scripts) putFile(path, mode, content);
  tree.set('/modules', { ...common, type: 'folder', mode: 0o755 });
  for (const { name, content } of kernel.initramfsModules) putFile(`/modules/${name}.ko`, 0o644, content);
  const list = kernel.initramfsModules.map(
    ({ name, patterns }) => `${[`${name}.ko`, ...patterns].join(' ')}\n`,
  );
  putFile('/modules.list', 0o644, bytesOf(list.join('')));
  tree.set('/dev', { ...common, type: 'folder', mode: 0o755 });
  // The kernel opens the console before /init can mount devtmpfs.
  tree.set('/dev/console', {
    ...common,
    type: 'device',
    device: 'character',
    mode: 0o600,
    major: 5,
    minor: 1,
  });
  return tree;
}

async function takeEfiProgram(
  folder: string,
  sliced: Tree,
  name: string,
  recipe: Recipe,
): Promise<TakenProgram> {
  const node = sliced.get(`${efiFolder}/${name}`);
  if (node?.type === 'file') {
    const content = await node.content.read();
    await writeFile(join(folder, name), content);
    return { file: name, sha256: digest(content) };
  }
  throw new KeelsonError({
    code: 'BOOT_LOADER_MISSING',
    class: 'input',
    message: `Cannot make ${recipe.name} bootable: the layer "initramfs" has no ${efiFolder}/${name}`,
    hint: 'Add it to files of the layer "initramfs" and systemd-boot-efi to its packages, and run "keelson lock" again.',
  });
}

function digest(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
