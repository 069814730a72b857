import { createHash } from 'node:crypto';
import { espLayout } from '../contract/machine-layout.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import { type FatReader, readFat, readFatFile } from './read-fat.ts';
import type { BootFiles } from './unified-kernel-image.ts';

/** 32-byte entries in one 512-byte sector, the unit that a disk writes whole or not at all. */
const slotsInSector = 16;

/**
 * Reads a fresh ESP back: every boot file is there with its bytes, nothing else is, and EFI/Linux stays within one
 * sector. A rename there (boot counting) that touches two sectors can lose the file when the power goes away.
 */
export function lintEsp(read: FatReader, bootFiles: BootFiles): void {
  const entries = readFat(read).filter((entry) => !entry.isFolder);
  for (const { path, sha256 } of bootFiles.files) {
    const entry = entries.find((each) => each.path === path);
    const found = entry && createHash('sha256').update(readFatFile(read, entry)).digest('hex');
    if (found !== sha256) throw new Error(`${path} on the EFI system partition is not what was written`);
  }
  if (entries.length !== bootFiles.files.length)
    throw new Error('the EFI system partition has files nobody asked for');
  checkKernelFolder(bootFiles.files.map(({ path }) => path));
}

/**
 * ESP_FOLDER_TOO_LARGE unless all that EFI/Linux ever holds fits one sector: `.` and `..`, what is there now, both slots'
 * kernels, and one spare counted name (the new name exists before the old one is gone). Every name is taken to need long
 * entries, as some systems write them even for short names.
 */
export function checkKernelFolder(paths: readonly string[]): void {
  const prefix = `${espLayout.kernelFolder}/`;
  const names = new Set(
    [...paths, espLayout.kernel.a, espLayout.kernel.b, espLayout.addon.a, espLayout.addon.b]
      .filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length).split('/')[0] as string),
  );
  const spare = 'a+2-1.efi';
  const needed = 2 + [...names, spare].reduce((sum, name) => sum + slotsOf(name), 0);
  if (needed <= slotsInSector) return;
  throw new KeelsonError({
    code: 'ESP_FOLDER_TOO_LARGE',
    class: 'internal',
    message: `Cannot keep boot counting safe: ${espLayout.kernelFolder} would need ${needed} directory entries (${[...names].sort().join(', ')}), one sector has ${slotsInSector}`,
    hint: 'Shorten the names to 13 characters or fewer, or put fewer files there.',
  });
}

function slotsOf(name: string): number {
  return 1 + Math.ceil(name.length / 13);
}
