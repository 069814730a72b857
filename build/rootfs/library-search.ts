import { posix } from 'node:path';
import type { ElfFile } from './elf.ts';

/** Debian's multiarch folder of the architecture, where its loader looks without being told (ld.so(8)). */
const multiarch = { 'x86-64': 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' } as const satisfies Record<
  ElfFile['machine'],
  string
>;

/** Folders in which the dynamic loader looks for what a file needs, in its order. */
export function libraryFolders(elf: ElfFile, folderOfFile: string): readonly string[] {
  const triplet = multiarch[elf.machine];
  const own = elf.searchFolders.map((folder) =>
    posix.normalize(
      folder
        .replaceAll(/\$(ORIGIN|\{ORIGIN\})/g, folderOfFile)
        .replaceAll(/\$(LIB|\{LIB\})/g, `lib/${triplet}`),
    ),
  );
  return [...own.filter((folder) => folder.startsWith('/')), `/usr/lib/${triplet}`, '/usr/lib'];
}
