import { mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DebianDiskParts, makeDebianDisk } from '../peers/make-debian-disk.ts';
import { countInstalled } from '../peers/package-status.ts';
import { enginePackages, systemPackages } from '../peers/packages.ts';
import { removeInstalled } from '../peers/remove-installed.ts';
import { writePeerFiles } from '../peers/write-files.ts';
import type { BuiltDisk, Contender, Job, Surroundings } from './contender.ts';

/** mmdebstrap(1), EXAMPLES: without documentation, manual pages and translations, the licences kept. */
const leftOut = [
  'path-exclude=/usr/share/man/*',
  'path-exclude=/usr/share/locale/*',
  'path-include=/usr/share/locale/locale.alias',
  'path-exclude=/usr/share/doc/*',
  'path-include=/usr/share/doc/*/copyright',
] as const;

/**
 * What a person does on Debian: mmdebstrap makes a root as a tar, and a few tools a disk of it, as the package's own
 * mmdebstrap-autopkgtest-build-qemu(1) does. The tar is kept: it is made anew only when other packages are wanted.
 */
export function makeMmdebstrapContender(surroundings: Surroundings, job: Job): Contender {
  const name = job === 'engine' ? 'mmdebstrap+docker' : 'mmdebstrap';
  const folder = join(surroundings.folder, name);
  const place = {
    folder,
    rootTar: join(folder, 'root.tar'),
    kernel: join(folder, 'vmlinuz'),
    initrd: join(folder, 'initrd.img'),
    release: join(folder, 'os-release'),
    files: join(folder, 'files'),
    disk: join(folder, 'disk.raw'),
  };
  const packages = [...systemPackages, ...(job === 'engine' ? enginePackages : [])];
  const changeOneFile = async (round: number): Promise<void> => {
    await mkdir(folder, { recursive: true });
    await writePeerFiles(place.files, surroundings.publicKey, round);
  };
  return {
    name,
    job,
    isKeelson: false,
    prepare: async () => {
      await surroundings.workshop.openTools('peers');
      await surroundings.openArchive();
      await changeOneFile(0);
    },
    forget: () =>
      removeInstalled(surroundings.workshop, folder, [
        'root.tar',
        'vmlinuz',
        'initrd.img',
        'os-release',
        'disk.raw',
        'temporary',
      ]),
    changeOneFile,
    build: async (): Promise<BuiltDisk> => {
      if (!(await isThere(place.rootTar))) await makeRoot(surroundings, place, packages);
      await makeDebianDisk(surroundings.workshop, place);
      return {
        path: place.disk,
        countPackages: () => countInstalled(surroundings.workshop, place.rootTar),
      };
    },
  };
}

async function makeRoot(
  { workshop, openArchive }: Surroundings,
  place: Omit<DebianDiskParts, 'files' | 'disk'>,
  packages: readonly string[],
): Promise<void> {
  const archive = await openArchive();
  const temporary = join(place.folder, 'temporary');
  const unfinished = join(temporary, 'root.tar');
  await mkdir(temporary, { recursive: true });
  const tools = await workshop.openTools('peers');
  await tools.run({
    file: '/usr/bin/mmdebstrap',
    arguments: [
      '--mode=root',
      '--format=tar',
      '--variant=apt',
      `--include=${packages.join(',')}`,
      ...leftOut.map((option) => `--dpkgopt=${option}`),
      '--hook-dir=/usr/share/mmdebstrap/hooks/file-mirror-automount',
      `--customize-hook=download vmlinuz ${place.kernel}`,
      `--customize-hook=download initrd.img ${place.initrd}`,
      `--customize-hook=download usr/lib/os-release ${place.release}`,
      // They go to the EFI system partition, as one program.
      '--customize-hook=rm -f "$1"/vmlinuz* "$1"/initrd.img* "$1"/boot/vmlinuz-* "$1"/boot/initrd.img-*',
      archive.suite,
      unfinished,
      `deb [trusted=yes] ${archive.url} ${archive.suite} main`,
    ],
    readOnly: [archive.folder],
    writable: [place.folder],
    environment: { TMPDIR: temporary },
    installsPackages: true,
  });
  await rename(unfinished, place.rootTar);
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
