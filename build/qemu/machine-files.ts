import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Architecture } from '../recipe/recipe.ts';
import type { Workshop } from '../tools/workshop.ts';
import { machineModels } from './machine-arguments.ts';

/** What makes one machine of a disk image: all it may write to. It can be started again and again. */
export interface MachineFiles {
  readonly architecture: Architecture;
  readonly folder: string;
  /** qcow2. */
  readonly diskPath: string;
  readonly variablesPath: string;
  /** The raw disk below an overlay; `undefined` for a disk that stands alone. */
  readonly baseDiskPath: string | undefined;
}

export interface MachineFilesOptions {
  /** Of the disk image: it says which firmware the machine has. */
  readonly architecture: Architecture;
  readonly folder: string;
  /** A raw disk image; only ever read. */
  readonly baseDiskPath: string;
  /**
   * `overlay` (default) takes no time and no space and needs the base as long as the machine lives; `copy` stands
   * alone.
   */
  readonly kind?: 'overlay' | 'copy';
  /** Larger than the base: what a bought disk would be. */
  readonly diskSizeBytes?: number;
}

/** A disk and firmware variables of the machine's own, in `folder`. */
export async function makeMachineFiles(
  workshop: Workshop,
  options: MachineFilesOptions,
): Promise<MachineFiles> {
  const { architecture, folder, baseDiskPath } = options;
  const model = machineModels[architecture];
  await mkdir(folder, { recursive: true });
  const files = machineFilesIn(folder, architecture, options.kind === 'copy' ? undefined : baseDiskPath);
  const tools = await workshop.openTools(model.toolset);
  await copyFile(join(tools.folder, model.firmware.variables), files.variablesPath);
  const diskArguments =
    options.kind === 'copy'
      ? ['convert', '-q', '-f', 'raw', '-O', 'qcow2', baseDiskPath, files.diskPath]
      : ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', baseDiskPath, files.diskPath];
  await runDiskTool(workshop, files, diskArguments, baseDiskPath);
  if (options.diskSizeBytes !== undefined) await growMachineDisk(workshop, files, options.diskSizeBytes);
  return files;
}

/** Where the files of a machine lie that was made earlier. */
export function machineFilesIn(
  folder: string,
  architecture: Architecture,
  baseDiskPath?: string,
): MachineFiles {
  return {
    architecture,
    folder,
    diskPath: join(folder, 'disk.qcow2'),
    variablesPath: join(folder, 'firmware-variables.fd'),
    baseDiskPath,
  };
}

/** As if the disk had been exchanged for a larger one; the machine must be off. */
export async function growMachineDisk(
  workshop: Workshop,
  files: MachineFiles,
  sizeBytes: number,
): Promise<void> {
  const growArguments = ['resize', '-q', '-f', 'qcow2', files.diskPath, String(sizeBytes)];
  await runDiskTool(workshop, files, growArguments);
}

async function runDiskTool(
  workshop: Workshop,
  files: MachineFiles,
  toolArguments: readonly string[],
  baseDiskPath = files.baseDiskPath,
): Promise<void> {
  const tools = await workshop.openTools('image');
  await tools.run({
    file: '/usr/bin/qemu-img',
    arguments: toolArguments,
    writable: [files.folder],
    readOnly: baseDiskPath === undefined ? [] : otherFolders(files.folder, [baseDiskPath]),
  });
}

/** The folders of `paths` that are not `folder`, each once. */
export function otherFolders(folder: string, paths: readonly string[]): string[] {
  return [...new Set(paths.map((path) => dirname(path)))].filter((other) => other !== folder).sort();
}
