import { constants, zstdCompressSync } from 'node:zlib';
import { readElfSections } from './elf-sections.ts';
import { pathInOwner, type RootFile } from './measure-root.ts';
import type { InitramfsFile } from './read-initramfs.ts';

/** The same content, stored more than once: its files differ in mode or owner, or one is in the initramfs. */
export interface Duplicate {
  /** One for each time that it is stored. */
  readonly paths: readonly string[];
  readonly unpackedBytes: number;
  /** All but the largest of them. */
  readonly savedBytes: number;
}

/** A file with symbols or debug information that nothing reads while it runs. */
export interface SymbolTable {
  readonly path: string;
  readonly sections: readonly string[];
  readonly unpackedBytes: number;
  /** About what they take: each compressed by itself. */
  readonly savedBytes: number;
}

/** Files that people read and machines do not. */
export interface Documentation {
  readonly kind: string;
  readonly fileCount: number;
  readonly storedBytes: number;
  readonly unpackedBytes: number;
  readonly paths: readonly string[];
}

export function findDuplicates(
  files: readonly RootFile[],
  initramfs: readonly InitramfsFile[],
): readonly Duplicate[] {
  const stored = [
    ...files.map(({ path, storedBytes, unpackedBytes, content }) => ({
      path,
      storedBytes,
      unpackedBytes,
      sha256: content.sha256,
    })),
    ...initramfs.map((file) => ({ ...file, path: `initramfs:${file.path}` })),
  ].filter(({ unpackedBytes }) => unpackedBytes > 0);
  return [...Map.groupBy(stored, ({ sha256 }) => sha256).values()]
    .filter((same) => same.length > 1)
    .map((same) => {
      const sizes = same.map(({ storedBytes }) => storedBytes);
      return {
        paths: same.map(({ path }) => path),
        unpackedBytes: same[0]?.unpackedBytes ?? 0,
        savedBytes: sizes.reduce((sum, size) => sum + size, 0) - Math.max(...sizes),
      };
    })
    .sort(mostSaved);
}

/** The tables of the linker and of debuggers; `.dynsym`, which programs start with, is none. */
const symbolSection = /^\.(symtab|strtab|z?debug_|stab|gnu_debugdata|BTF)/;
/** A kernel module is linked by its symbols when it is inserted. */
const neededWhenRelocatable = /^\.(symtab|strtab)/;
/** As the root is compressed. */
const compression = { params: { [constants.ZSTD_c_compressionLevel]: 6 } };

export async function findSymbolTables(files: readonly RootFile[]): Promise<readonly SymbolTable[]> {
  const found: SymbolTable[] = [];
  for (const { path, content } of files) {
    const elf = readSections(await content.read());
    const sections = (elf?.sections ?? []).filter(
      ({ name, content: { length } }) =>
        length > 0 &&
        symbolSection.test(name) &&
        !(elf?.isRelocatable === true && neededWhenRelocatable.test(name)),
    );
    if (sections.length === 0) continue;
    found.push({
      path,
      sections: sections.map(({ name }) => name),
      unpackedBytes: sections.reduce((sum, { content: { length } }) => sum + length, 0),
      savedBytes: sections.reduce(
        (sum, section) => sum + zstdCompressSync(section.content, compression).length,
        0,
      ),
    });
  }
  return found.sort(mostSaved);
}

/** A broken file has no tables that could be named. */
function readSections(bytes: Buffer) {
  try {
    return readElfSections(bytes);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The first that fits, on paths as programs see them. */
const documentation: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['manual pages', /^\/usr\/share\/man\//],
  ['documentation', /^\/usr\/share\/(doc|info|gtk-doc|help)\//],
  ['translations', /^\/usr\/share\/locale\/|\.mo$/],
  ['locales', /^\/usr\/(lib\/locale|share\/i18n)\//],
  ['character sets', /\/gconv\//],
  ['time zones', /^\/usr\/share\/zoneinfo\//],
  ['completions of shells', /\/(bash-completion|zsh\/(vendor|site)-[a-z]+|fish)\//],
  ['headers and archives for compilers', /^\/usr\/include\/|\/pkgconfig\/|\.l?a$/],
];

export function findDocumentation(files: readonly RootFile[]): readonly Documentation[] {
  const kindOf = ({ path }: RootFile) =>
    documentation.find(([, pattern]) => pattern.test(pathInOwner(path)))?.[0] ?? '';
  return [...Map.groupBy(files, kindOf)]
    .filter(([kind]) => kind !== '')
    .map(([kind, members]) => ({
      kind,
      fileCount: members.length,
      storedBytes: members.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
      unpackedBytes: members.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0),
      paths: members.map(({ path }) => path),
    }))
    .sort((one, other) => other.storedBytes - one.storedBytes);
}

function mostSaved(one: { readonly savedBytes: number }, other: { readonly savedBytes: number }): number {
  return other.savedBytes - one.savedBytes;
}
