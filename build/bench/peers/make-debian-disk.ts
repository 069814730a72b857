import { copyFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandResult } from '../../host/build-host.ts';
import type { Workshop } from '../../tools/workshop.ts';
import { peerDisk } from './peer-disk.ts';

export interface DebianDiskParts {
  /** Of this contender; everything else lies in it. */
  readonly folder: string;
  readonly rootTar: string;
  readonly kernel: string;
  readonly initrd: string;
  /** os-release(5) of the root. */
  readonly release: string;
  /** Copied over the root. */
  readonly files: string;
  /** What is made. */
  readonly disk: string;
}

const sectorBytes = 512;
/** The label by which the kernel's command line names the root. */
const rootLabel = 'root';

/**
 * A raw disk as mmdebstrap-autopkgtest-build-qemu(1) makes it, with the same tools: the firmware starts kernel and initramfs as one EFI
 * program, and the root is ext4, filled from the tar without mounting.
 */
export async function makeDebianDisk(workshop: Workshop, parts: DebianDiskParts): Promise<void> {
  const tools = await workshop.openTools('peers');
  const run = (file: string, words: readonly string[], input?: string): Promise<CommandResult> =>
    tools.run(
      { file, arguments: words, writable: [parts.folder], installsPackages: true },
      input === undefined ? {} : { input },
    );
  const tar = join(parts.folder, 'disk.tar');
  const program = join(parts.folder, 'boot.efi');
  await copyFile(parts.rootTar, tar);
  const owner = ['--owner=0', '--group=0', '--numeric-owner'];
  await run('/usr/bin/tar', ['--append', '--file', tar, ...owner, '--directory', parts.files, '.']);

  const { espSectors, rootSectors, firstSector } = peerDisk;
  const rootStart = firstSector + espSectors;
  await rm(parts.disk, { force: true });
  await writeFile(parts.disk, '');
  await truncate(parts.disk, (rootStart + rootSectors + firstSector) * sectorBytes);
  const table = [
    'label: gpt',
    `start=${firstSector}, size=${espSectors}, type=uefi`,
    `start=${rootStart}, size=${rootSectors}, type=linux`,
  ];
  await run('/usr/sbin/sfdisk', ['--quiet', parts.disk], `${table.join('\n')}\n`);

  const rootOptions = ['-t', 'ext4', '-q', '-F', '-L', rootLabel, '-d', tar];
  const rootPlace = ['-E', `offset=${rootStart * sectorBytes}`, parts.disk, `${rootSectors / 2}k`];
  await run('/usr/sbin/mke2fs', [...rootOptions, ...rootPlace]);

  await run('/usr/bin/ukify', [
    'build',
    `--linux=${parts.kernel}`,
    `--initrd=${parts.initrd}`,
    `--os-release=@${parts.release}`,
    `--cmdline=root=LABEL=${rootLabel} rw ${peerDisk.kernelArguments}`,
    `--output=${program}`,
  ]);
  const espPlace = ['--offset', String(firstSector), parts.disk, String(espSectors / 2)];
  await run('/usr/sbin/mkfs.vfat', ['-F', '32', ...espPlace]);
  const esp = ['-i', `${parts.disk}@@${firstSector * sectorBytes}`];
  await run('/usr/bin/mmd', [...esp, '::/EFI', '::/EFI/BOOT']);
  await run('/usr/bin/mcopy', [...esp, program, '::/EFI/BOOT/BOOTX64.EFI']);
  await Promise.all([tar, program].map((path) => rm(path)));
}
