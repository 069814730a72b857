import { parseControl } from './read-deb.ts';

/** One stanza of a Packages file: what locking reads of it. */
export interface PackagesEntry {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly depends: string;
  /** Path below the archive's root. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * A Packages file (https://wiki.debian.org/DebianRepository/Format#A.22Packages.22_Indices), some 60 MB of text.
 * Only offsets are kept until a stanza is asked for: reading all of it into objects would take a second and a
 * gigabyte.
 */
export interface PackagesIndex {
  /** Each name once, in the order of the file. */
  readonly names: readonly string[];
  /** Every version of a package. */
  find(name: string): readonly PackagesEntry[];
  /** The stanza that names this pool path. */
  findPath(name: string, path: string): PackagesEntry | undefined;
}

/** Indexes a Packages file. The bytes are kept, not copied. */
export function readPackagesIndex(bytes: Buffer): PackagesIndex {
  const ranges = new Map<string, readonly [start: number, end: number][]>();
  for (const [name, start, end] of stanzas(bytes)) {
    const known = ranges.get(name);
    ranges.set(name, known === undefined ? [[start, end]] : [...known, [start, end]]);
  }
  const find = (name: string) =>
    (ranges.get(name) ?? []).map(([start, end]) => readEntry(bytes.toString('utf8', start, end)));
  return {
    names: [...ranges.keys()],
    find,
    findPath: (name, path) => find(name).find((entry) => entry.path === path),
  };
}

const packageField = 'Package: ';

/** Debian's archive writes `Package` as the first field of every stanza. */
function* stanzas(bytes: Buffer): Generator<[name: string, start: number, end: number]> {
  let start = 0;
  while (start < bytes.length) {
    const gap = bytes.indexOf('\n\n', start);
    const end = gap === -1 ? bytes.length : gap;
    if (bytes.toString('latin1', start, start + packageField.length) === packageField) {
      const lineEnd = bytes.indexOf(10, start);
      const nameEnd = lineEnd === -1 || lineEnd > end ? end : lineEnd;
      yield [bytes.toString('latin1', start + packageField.length, nameEnd).trim(), start, end];
    }
    start = end + 2;
  }
}

function readEntry(text: string): PackagesEntry {
  const fields = parseControl(text);
  return {
    name: fields.Package ?? '',
    version: fields.Version ?? '',
    architecture: fields.Architecture ?? '',
    depends: fields.Depends ?? '',
    path: fields.Filename ?? '',
    sizeBytes: Number(fields.Size ?? Number.NaN),
    sha256: fields.SHA256 ?? '',
  };
}
