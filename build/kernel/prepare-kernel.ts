import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { OpenedPackage } from '../debian/package.ts';
import type { PackageSet } from '../debian/package-set.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { ByteSource, Tree, TreeNode } from '../rootfs/tree.ts';
import type { ToolsTree } from '../tools/tools-tree.ts';
import type { Workshop } from '../tools/workshop.ts';
import { findDevicePatterns } from './device-patterns.ts';
import type { InitramfsModule, Kernel } from './kernel.ts';
import { parseModuleIndex } from './module-index.ts';
import { readModuleList, type WantedModule } from './module-lists.ts';
import { selectModules } from './select-modules.ts';

/** Index files that modprobe reads; `modules.symbols` is for nobody on the machine and large. */
const indexFiles = [
  'modules.alias',
  'modules.alias.bin',
  'modules.builtin',
  'modules.builtin.alias.bin',
  'modules.builtin.bin',
  'modules.dep',
  'modules.dep.bin',
  'modules.devname',
  'modules.order',
  'modules.softdep',
];

interface PreparedFile {
  /** Below the step's folder. */
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** `kernel.json` of the step's folder: what a cached kernel is read back from. */
interface PreparedKernel {
  readonly release: string;
  readonly image: PreparedFile;
  readonly initramfs: readonly (PreparedFile & Pick<InitramfsModule, 'name' | 'patterns'>)[];
  readonly root: readonly (PreparedFile & { readonly path: string })[];
}

/** Takes the kernel and the modules we want from the package of group `kernel`; modules are decompressed and indexed. */
export async function prepareKernel(
  workshop: Workshop,
  recipe: Recipe,
  packages: PackageSet,
): Promise<Kernel> {
  const { kernelPackage, release, image } = findKernel(packages.group('kernel'), recipe);
  const tools = await workshop.openTools('image');
  const lists = {
    initramfs: await readModuleList('initramfs', recipe.architecture),
    root: await readModuleList('root', recipe.architecture),
  };
  const step = await workshop.store.step(
    {
      title: 'prepare kernel',
      moduleUrl: import.meta.url,
      inputs: { package: kernelPackage.locked.sha256, release, lists, tools: tools.id },
    },
    (folder) => produceKernel(folder, tools, kernelPackage, release, image, lists),
  );
  const prepared = JSON.parse(await readFile(join(step.folder, 'kernel.json'), 'utf8')) as PreparedKernel;
  const source = (file: PreparedFile) => fileSource(join(step.folder, file.file), file);
  return {
    release,
    image: source(prepared.image),
    initramfsModules: prepared.initramfs.map(({ name, patterns, ...file }) => ({
      name,
      patterns,
      content: source(file),
    })),
    rootModules: makeModuleTree(
      release,
      `package ${kernelPackage.locked.name}`,
      prepared.root.map((file) => ({ path: file.path, content: source(file) })),
    ),
  };
}

function findKernel(group: readonly OpenedPackage[], recipe: Recipe) {
  for (const kernelPackage of group) {
    for (const [path, node] of kernelPackage.entries) {
      const release = /^\/(?:boot\/vmlinuz-|usr\/lib\/modules\/)([\w.+~-]+)(?:\/vmlinuz)?$/.exec(path)?.[1];
      if (release !== undefined && node.type === 'file')
        return { kernelPackage, release, image: node.content };
    }
  }
  throw new KeelsonError({
    code: 'KERNEL_MISSING',
    class: 'input',
    message: `Cannot prepare the kernel: no package of ${recipe.kernel.package.name} has a vmlinuz`,
    place: recipe.place,
    hint: 'Name a kernel package of Debian in the recipe, such as "linux-image-cloud-amd64", and run "keelson lock" again.',
  });
}

async function produceKernel(
  folder: string,
  tools: ToolsTree,
  kernelPackage: OpenedPackage,
  release: string,
  image: ByteSource,
  lists: { readonly initramfs: readonly WantedModule[]; readonly root: readonly WantedModule[] },
): Promise<void> {
  // depmod once over all modules tells what needs what, and once over those chosen makes the machine's index.
  const all = join(folder, 'all');
  const prefix = `/usr/lib/modules/${release}/`;
  for (const [path, node] of sortedEntries(kernelPackage)) {
    if (path.startsWith(prefix) && node.type === 'file')
      await write(join(all, path), await node.content.read());
  }
  await indexModules(tools, all, release);
  const index = parseModuleIndex({
    dep: await readFile(join(all, prefix, 'modules.dep'), 'utf8'),
    softdep: await readFile(join(all, prefix, 'modules.softdep'), 'utf8'),
    alias: await readFile(join(all, prefix, 'modules.alias'), 'utf8'),
    builtin: await readFile(join(all, prefix, 'modules.builtin'), 'utf8'),
  });
  const initramfsNames = selectModules(
    lists.initramfs,
    index,
    release,
    'kernel-config/modules/initramfs.yaml',
  );
  const rootNames = selectModules(lists.root, index, release, 'kernel-config/modules/root.yaml');

  const chosen = [...new Set([...initramfsNames, ...rootNames])].sort();
  await decompress(
    tools,
    folder,
    chosen.map((name) => join(all, prefix, pathOf(name))),
  );
  const plainPath = (name: string) => pathOf(name).replace(/\.xz$/, '');
  function pathOf(name: string): string {
    const path = index.paths.get(name);
    if (path === undefined) throw new Error(`module ${name} is in no index`);
    return path;
  }

  const root = join(folder, 'root');
  for (const name of rootNames)
    await copy(join(all, prefix, plainPath(name)), join(root, prefix, plainPath(name)));
  for (const name of ['modules.builtin', 'modules.builtin.modinfo', 'modules.order']) {
    await copy(join(all, prefix, name), join(root, prefix, name));
  }
  await indexModules(tools, root, release);

  const patterns = findDevicePatterns(initramfsNames, lists.initramfs, index);
  const initramfs: PreparedKernel['initramfs'][number][] = [];
  for (const name of initramfsNames) {
    const content = await readFile(join(all, prefix, plainPath(name)));
    const written = await writeAndDigest(folder, `initramfs/${name}.ko`, content);
    initramfs.push({ name, patterns: patterns.get(name) ?? [], ...written });
  }
  const keptFiles = [...rootNames.map(plainPath), ...indexFiles].sort();
  const rootFiles: (PreparedFile & { path: string })[] = [];
  for (const file of keptFiles) {
    const content = await readFile(join(root, prefix, file));
    rootFiles.push({ path: `${prefix}${file}`, ...digest(`root${prefix}${file}`, content) });
  }
  const prepared: PreparedKernel = {
    release,
    image: await writeAndDigest(folder, 'vmlinuz', await image.read()),
    initramfs,
    root: rootFiles,
  };
  await writeFile(join(folder, 'kernel.json'), `${JSON.stringify(prepared, null, 1)}\n`);
  await rm(all, { recursive: true });
}

/** depmod(8) wants its modules under `lib/modules` or `usr/lib/modules`, as it was built; `-m` names the folder. */
async function indexModules(tools: ToolsTree, base: string, release: string): Promise<void> {
  await tools.run({
    file: '/usr/sbin/depmod',
    arguments: ['-b', base, '-m', '/usr/lib/modules', release],
    writable: [base],
  });
}

async function decompress(tools: ToolsTree, folder: string, files: readonly string[]): Promise<void> {
  const compressed = files.filter((file) => file.endsWith('.xz'));
  if (compressed.length === 0) return;
  await tools.run({
    file: '/usr/bin/xz',
    arguments: ['--decompress', '--', ...compressed],
    writable: [folder],
  });
}

function makeModuleTree(
  release: string,
  origin: string,
  files: readonly { readonly path: string; readonly content: ByteSource }[],
): Tree {
  const tree = new Map<string, TreeNode>();
  for (const { path, content } of files) {
    for (let folder = dirname(path); folder !== '/'; folder = dirname(folder)) {
      tree.set(folder, { type: 'folder', mode: 0o755, uid: 0, gid: 0, origin });
    }
    tree.set(path, { type: 'file', mode: 0o644, uid: 0, gid: 0, origin, content });
  }
  if (!tree.has(`/usr/lib/modules/${release}`)) throw new Error(`no module of ${release} was kept`);
  return tree;
}

function sortedEntries(opened: OpenedPackage): readonly (readonly [string, TreeNode])[] {
  return [...opened.entries].sort(([a], [b]) => (a < b ? -1 : 1));
}

function fileSource(path: string, file: PreparedFile): ByteSource {
  return { sha256: file.sha256, sizeBytes: file.sizeBytes, read: () => readFile(path) };
}

function digest(file: string, content: Buffer): PreparedFile {
  return { file, sizeBytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}

async function writeAndDigest(folder: string, file: string, content: Buffer): Promise<PreparedFile> {
  await write(join(folder, file), content);
  return digest(file, content);
}

async function copy(from: string, to: string): Promise<void> {
  await write(to, await readFile(from));
}

async function write(path: string, content: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}
