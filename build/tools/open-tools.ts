import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { archiveUrls } from '../debian/mirrors.ts';
import type { LockedPackage } from '../debian/package.ts';
import { snapshotDate } from '../debian/snapshot-date.ts';
import { withSpan } from '../events/span.ts';
import { canonicalJson, digestOf } from '../store/canonical-json.ts';
import { fetchBlobs } from '../store/fetch-blobs.ts';
import { isolatedCommand, isolateScript } from './isolated-command.ts';
import { makeTree, makeTreeModule } from './make-tree.ts';
import { runTool } from './run-tool.ts';
import { readToolsLock, type ToolsLockPart, toolsetPackages, toolsLockPart } from './tools-lock.ts';
import type { ToolsetName, ToolsTree } from './tools-tree.ts';
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
    { title: `unpack ${name} tools`, moduleUrl: makeTreeModule, inputs: contents },
    async (folder) => {
      await fetchPackages(workshop, part, packages);
      const largestFirst = [...packages].sort((left, right) => right.sizeBytes - left.sizeBytes);
      const debPaths = largestFirst.map(({ sha256 }) => workshop.store.blobPath(sha256));
      await makeTree(debPaths, lock.omittedPaths, folder);
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
    run: (command, options) =>
      withSpan(workshop.emit, { kind: 'tool', title: basename(command.file) }, () =>
        runTool(workshop.host, command, commandLine(command), options),
      ),
  };
}

async function fetchPackages(
  workshop: ToolsWorkshop,
  part: ToolsLockPart,
  packages: readonly LockedPackage[],
): Promise<void> {
  const date = snapshotDate(Object.values(part.archives));
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
