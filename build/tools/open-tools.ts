import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { archiveUrls } from '../debian/mirrors.ts';
import type { LockedPackage } from '../debian/package.ts';
import { canonicalJson, digestOf } from '../store/canonical-json.ts';
import { fetchBlobs } from '../store/fetch-blobs.ts';
import { isolatedCommand, isolateScript } from './isolated-command.ts';
import { runTool } from './run-tool.ts';
import { readToolsLock, type ToolsLockPart, toolsetPackages, toolsLockPart } from './tools-lock.ts';
import type { ToolsetName, ToolsTree } from './tools-tree.ts';
import { unpackPackages } from './unpack-packages.ts';
import type { Workshop } from './workshop.ts';

type ToolsWorkshop = Pick<Workshop, 'host' | 'store' | 'emit'>;

/** Stage name in progress events. */
const stage = 'open tools';

/** Gives toolsets by name; each is fetched, verified and unpacked on first use, and opened once. */
export function createToolsOpener(workshop: ToolsWorkshop): (name: ToolsetName) => Promise<ToolsTree> {
  const opened = new Map<ToolsetName, Promise<ToolsTree>>();
  return (name) => {
    let tree = opened.get(name);
    if (tree === undefined) {
      tree = openTools(workshop, name);
      opened.set(name, tree);
    }
    return tree;
  };
}

async function openTools(workshop: ToolsWorkshop, name: ToolsetName): Promise<ToolsTree> {
  const lock = await readToolsLock();
  const part = toolsLockPart(lock, process.arch);
  const packages = toolsetPackages(part, name);
  const contents = { omittedPaths: lock.omittedPaths, packages: packages.map(({ sha256 }) => sha256) };
  const step = await workshop.store.step(
    { title: `unpack ${name} tools`, moduleUrl: import.meta.url, inputs: contents },
    async (folder) => {
      await fetchPackages(workshop, part, packages);
      await makeTree(workshop, packages, lock.omittedPaths, folder);
    },
  );
  const place = { folder: join(step.folder, 'tree'), rootFolder: join(step.folder, 'root') };
  const script = await readFile(isolateScript, 'utf8');
  const commandLine: ToolsTree['commandLine'] = (command) => isolatedCommand(workshop.host, place, command);
  return {
    name,
    id: digestOf(canonicalJson({ contents, script: digestOf(script) })),
    folder: place.folder,
    commandLine,
    run: (command, options) => runTool(workshop.host, command, commandLine(command), options),
  };
}

async function fetchPackages(
  workshop: ToolsWorkshop,
  part: ToolsLockPart,
  packages: readonly LockedPackage[],
): Promise<void> {
  const date = Object.values(part.archives).sort().at(-1) ?? '';
  await fetchBlobs(
    workshop,
    packages.map((locked) => ({
      reference: locked,
      title: `${locked.name} ${locked.version}`,
      urls: archiveUrls(workshop.host, { archive: locked.archive, path: locked.path, date }),
    })),
    stage,
  );
}

async function makeTree(
  { store }: ToolsWorkshop,
  packages: readonly LockedPackage[],
  omittedPaths: readonly string[],
  folder: string,
): Promise<void> {
  const tree = join(folder, 'tree');
  await mkdir(tree);
  // Mount point of the root that each run makes for itself.
  await mkdir(join(folder, 'root'));
  const isOmitted = (path: string) =>
    omittedPaths.some((omitted) => (omitted.endsWith('/') ? path.startsWith(omitted) : path === omitted));
  const largestFirst = [...packages].sort((left, right) => right.sizeBytes - left.sizeBytes);
  await unpackPackages(
    largestFirst.map(({ sha256 }) => store.blobPath(sha256)),
    tree,
    isOmitted,
  );
  await writeScriptedFiles(tree);
}

/** What maintainer scripts would have left behind, as far as a tool looks at it. */
const scriptedFiles: Readonly<Record<string, string>> = {
  '/etc/group': 'root:x:0:\nnogroup:x:65534:\n',
  '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  '/etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
  '/etc/passwd': 'root:x:0:0:root:/nonexistent:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n',
  // apt takes a computer for a Debian one by this file.
  '/var/lib/dpkg/status': '',
};

const scriptedFolders = ['/etc', '/usr', '/var/cache', '/var/lib', '/var/log', '/var/tmp'];

async function writeScriptedFiles(tree: string): Promise<void> {
  for (const path of scriptedFolders) await mkdir(join(tree, path), { recursive: true });
  for (const [path, text] of Object.entries(scriptedFiles)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), text);
  }
}
