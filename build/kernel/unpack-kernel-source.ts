import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ToolsTree } from '../tools/tools-tree.ts';
import type { KernelSource } from './kernel-source.ts';

/** Unpacks into `folder` and gives the folder of the source; `members` are patterns of tar(1), all when left out. */
export async function unpackKernelSource(
  tools: ToolsTree,
  { archive, name }: Pick<KernelSource, 'archive' | 'name'>,
  folder: string,
  members: readonly string[] = [],
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${name}.tar.xz`);
  await writeFile(path, await archive.read());
  const patterns = members.map((member) => `${name}/${member}`);
  await tools.run({
    file: '/usr/bin/tar',
    arguments: ['--extract', '--no-same-owner', '--wildcards', `--file=${path}`, ...patterns],
    workingFolder: folder,
    writable: [folder],
  });
  return join(folder, name);
}
