import { renderTable } from '../render-table.ts';
import type { LibraryCost } from './find-libraries.ts';
import { rootFolderOf } from './measure-root.ts';
import type { ShownSizes } from './measure-slot.ts';
import type { SizePart } from './size-part.ts';

/** Parts below this share of the whole are summed up, and how deep the table goes: owner and package, but no files. */
const limits = { share: 0.005, depth: 3, rows: 10 };

/** Text for a person; ends without a newline. */
export function renderSizes(sizes: ShownSizes): string {
  const { whole } = sizes;
  return [
    `${whole.name}: unified kernel image and root, ${megabytes(whole.storedBytes)} MB (${whole.storedBytes} bytes)`,
    '',
    ...renderTable([['PART', 'MB STORED', 'SHARE', 'MB UNPACKED', 'FILES'], ...listParts(whole, whole, 0)], {
      right: [1, 2, 3, 4],
    }),
    ...(hasPortions(whole)
      ? ['', '  ~ compressed together with its neighbours: its portion of what they take']
      : []),
    ...packageSection(sizes),
    ...section(
      'Largest files of the root',
      ['FILE', 'MB STORED', 'SHARE', 'MB UNPACKED', 'SHARED BY'],
      sizes.largestFiles.map(({ path, storedBytes, unpackedBytes, sharedBy }) => [
        shortPath(path),
        megabytes(storedBytes),
        share(storedBytes, whole.storedBytes),
        megabytes(unpackedBytes),
        sharedBy === undefined ? '' : `${sharedBy.length}: ${sharedBy.join(', ')}`,
      ]),
      [1, 2, 3],
    ),
    ...section(
      `Stored more than once${inAll(sizes.duplicates)}`,
      ['KB SAVED', 'SAME CONTENT'],
      sizes.duplicates.map(({ paths, savedBytes }) => [
        kilobytes(savedBytes),
        paths.map(shortPath).join(', '),
      ]),
      [0],
    ),
    ...section(
      `Symbol tables and debug information (about what they take)${inAll(sizes.symbolTables)}`,
      ['KB SAVED', 'KB UNPACKED', 'FILE', 'SECTIONS'],
      sizes.symbolTables.map(({ path, sections, unpackedBytes, savedBytes }) => [
        kilobytes(savedBytes),
        kilobytes(unpackedBytes),
        shortPath(path),
        sections.join(' '),
      ]),
      [0, 1],
    ),
    ...section(
      'Documentation, locales and the like',
      ['KB STORED', 'KB UNPACKED', 'FILES', 'KIND'],
      sizes.documentation.map(({ kind, fileCount, storedBytes, unpackedBytes }) => [
        kilobytes(storedBytes),
        kilobytes(unpackedBytes),
        String(fileCount),
        kind,
      ]),
      [0, 1, 2],
    ),
    ...librarySection(
      'Libraries that one file alone needs (saved: with what only they need)',
      sizes.libraries.filter(({ neededBy }) => neededBy.length === 1),
    ),
    ...librarySection(
      'Libraries that two or three files need',
      sizes.libraries.filter(({ neededBy }) => neededBy.length === 2 || neededBy.length === 3),
    ),
  ].join('\n');
}

function listParts(part: SizePart, whole: SizePart, depth: number): readonly (readonly string[])[] {
  if (depth > limits.depth) return [];
  const isShown = ({ storedBytes, parts }: SizePart) =>
    depth < 2 ||
    (storedBytes >= limits.share * whole.storedBytes && (depth < limits.depth || parts.length > 0));
  const shown = part.parts.filter(isShown);
  const others = part.parts.filter((each) => !shown.includes(each));
  // What is left of a part of which nothing is shown, is the part itself.
  const rest = shown.length === 0 || others.length === 0 ? [] : [sumUp(others)];
  return [
    row(part, whole, depth),
    ...shown.flatMap((each) => listParts(each, whole, depth + 1)),
    ...rest.map((each) => row(each, whole, depth + 1)),
  ];
}

function sumUp(parts: readonly SizePart[]): SizePart {
  const sum = (measure: (part: SizePart) => number) =>
    parts.reduce((total, part) => total + measure(part), 0);
  return {
    name: `${parts.length} smaller`,
    storedBytes: sum(({ storedBytes }) => storedBytes),
    unpackedBytes: sum(({ unpackedBytes }) => unpackedBytes),
    fileCount: sum(({ fileCount }) => fileCount),
    parts: [],
  };
}

function row(part: SizePart, whole: SizePart, depth: number): readonly string[] {
  return [
    `${'  '.repeat(depth)}${part.name}`,
    `${part.storedBytes > 0 && isPortion(part) ? '~' : ''}${megabytes(part.storedBytes)}`,
    share(part.storedBytes, whole.storedBytes),
    megabytes(part.unpackedBytes),
    part.fileCount === 0 ? '' : String(part.fileCount),
  ];
}

function isPortion(part: SizePart): boolean {
  return part.isPortion === true || (part.parts.length > 0 && part.parts.every(isPortion));
}

function hasPortions(part: SizePart): boolean {
  return part.isPortion === true || part.parts.some(hasPortions);
}

function section(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[],
  most: number = limits.rows,
): readonly string[] {
  if (rows.length === 0) return ['', `${title}: none`];
  const more = rows.length > most ? [`  and ${rows.length - most} more: --json has them all`] : [];
  return ['', title, ...renderTable([head, ...rows.slice(0, most)], { right }), ...more];
}

/** A disk does not say which packages its files are of. */
function packageSection({ packages, whole }: ShownSizes): readonly string[] {
  if (packages.length === 0) return [];
  return section(
    'Packages, whoever has their files',
    ['PACKAGE', 'MB STORED', 'SHARE', 'MB UNPACKED', 'FILES'],
    packages.map(({ name, storedBytes, unpackedBytes, fileCount }) => [
      name,
      megabytes(storedBytes),
      share(storedBytes, whole.storedBytes),
      megabytes(unpackedBytes),
      String(fileCount),
    ]),
    [1, 2, 3, 4],
    2 * limits.rows,
  );
}

/** `, 42 kB in all`. */
function inAll(savings: readonly { readonly savedBytes: number }[]): string {
  const total = savings.reduce((sum, { savedBytes }) => sum + savedBytes, 0);
  return total === 0 ? '' : `, ${kilobytes(total)} kB in all`;
}

function librarySection(title: string, libraries: readonly LibraryCost[]): readonly string[] {
  return section(
    title,
    ['KB SAVED', 'FILES', 'LIBRARY', 'NEEDED BY', 'SYMBOLS'],
    libraries.map(({ path, savedBytes, savedFiles, neededBy }) => [
      kilobytes(savedBytes),
      String(savedFiles),
      shortPath(path),
      neededBy.map((user) => shortPath(user.path)).join(', '),
      neededBy.map(({ symbols }) => describeSymbols(symbols)).join('; '),
    ]),
    [0, 1],
    2 * limits.rows,
  );
}

/** `sshd:/usr/sbin/sshd` for a file of a service. */
function shortPath(path: string): string {
  const root = rootFolderOf(path);
  return root === '' ? path : `${root.split('/').at(-2)}:${path.slice(root.length)}`;
}

const shownSymbols = 3;

function describeSymbols(symbols: readonly string[]): string {
  if (symbols.length === 0) return 'none by name';
  const named = symbols.slice(0, shownSymbols).join(', ');
  return `${symbols.length}: ${named}${symbols.length > shownSymbols ? ', …' : ''}`;
}

/** Millions of bytes, as the README's figures. */
export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

export function share(bytes: number, wholeBytes: number): string {
  return `${((100 * bytes) / wholeBytes).toFixed(1)} %`;
}

function kilobytes(bytes: number): string {
  return (bytes / 1000).toFixed(0);
}
