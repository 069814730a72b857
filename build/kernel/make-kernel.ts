import { copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ToolCommand, ToolsTree } from '../tools/tools-tree.ts';
import type { KernelSource } from './kernel-source.ts';
import { type KernelTarget, makeCommand } from './kernel-tools.ts';
import { unpackKernelSource } from './unpack-kernel-source.ts';

/** For the id of the step: what is around the compiling changes no byte, and 24 minutes are long. */
export const makeKernelModule = import.meta.url;

/** What modprobe asks: that a name is built in is its success (modprobe(8)). */
export const builtinFiles = ['modules.builtin', 'modules.builtin.modinfo'] as const;

export interface MakeKernelOptions {
  /** The whole `.config`. */
  readonly configuration: string;
  /** How much is compiled at once; changes no byte. */
  readonly jobs: number;
  readonly onFile: (done: number, total: number) => void;
}

/** Fills a step's folder: `vmlinuz`, `release`, `config` and what modprobe asks. */
export async function makeKernel(
  folder: string,
  tools: ToolsTree,
  target: KernelTarget,
  source: Pick<KernelSource, 'archive' | 'name'>,
  { configuration, jobs, onFile }: MakeKernelOptions,
): Promise<void> {
  const tree = await unpackKernelSource(tools, source, join(folder, 'source'));
  await writeFile(join(tree, '.config'), configuration);
  const make = (argumentList: readonly string[], onLine?: (line: string) => void) =>
    tools.run(makeCommand(target, tree, argumentList), onLine === undefined ? {} : { onLine });
  const atOnce = `-j${jobs}`;
  await make([atOnce, 'prepare']);
  const total = countFiles(
    (await tools.run(dryRun(makeCommand(target, tree, [target.image.target])))).stdout,
  );
  let done = 0;
  await make([atOnce, target.image.target], (line) => {
    if (!isFileLine(line)) return;
    done++;
    onFile(Math.min(done, total), total);
  });
  const { stdout: release } = await make(['--silent', 'kernelrelease']);
  await writeFile(join(folder, 'release'), release);
  await writeFile(join(folder, 'config'), configuration);
  await copyFile(join(tree, target.image.path), join(folder, 'vmlinuz'));
  for (const name of builtinFiles) await copyFile(join(tree, name), join(folder, name));
  await rm(join(folder, 'source'), { recursive: true });
}

/** What would be compiled. It ends before its end, for what is linked of files that were not made cannot be made. */
function dryRun(command: ToolCommand): ToolCommand {
  const script = `"$0" --dry-run "$@" || :`;
  return { ...command, file: '/usr/bin/dash', arguments: ['-c', script, command.file, ...command.arguments] };
}

/** What makefiles say of each object that they compile: `  CC      kernel/fork.o`. */
function isFileLine(line: string): boolean {
  return /^ {2}(?:CC|AS)(?: \[[A-Z]\])? +\S+\.o$/.test(line);
}

/** A dry run prints the same words as commands of the shell. */
function countFiles(dryRun: string): number {
  return dryRun.match(/^ *echo ' {2}(?:CC|AS) +\S+\.o'/gm)?.length ?? 0;
}
