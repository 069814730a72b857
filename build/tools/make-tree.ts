import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { unpackPackages } from './unpack-packages.ts';

/** For the id of the step: fetching and running are not part of it. */
export const makeTreeModule = import.meta.url;

/** Fills a step's folder: `tree` is the unpacked packages, `root` an empty mount point. */
export async function makeTree(
  debPaths: readonly string[],
  omittedPaths: readonly string[],
  folder: string,
): Promise<void> {
  const tree = join(folder, 'tree');
  await mkdir(tree);
  // Mount point of the root that each run makes for itself.
  await mkdir(join(folder, 'root'));
  const isOmitted = (path: string) =>
    omittedPaths.some((omitted) => (omitted.endsWith('/') ? path.startsWith(omitted) : path === omitted));
  await unpackPackages(debPaths, tree, isOmitted);
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

/** /usr/local and /usr/src are mount points for isolate.sh. */
const scriptedFolders = ['/etc', '/usr/local', '/usr/src', '/var/cache', '/var/lib', '/var/log', '/var/tmp'];

async function writeScriptedFiles(tree: string): Promise<void> {
  for (const path of scriptedFolders) await mkdir(join(tree, path), { recursive: true });
  for (const [path, text] of Object.entries(scriptedFiles)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), text);
  }
}
