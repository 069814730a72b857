/** A part of an image, with what it takes there. A part that has parts of its own is exactly as large as they are together. */
export interface SizePart {
  readonly name: string;
  /** As it lies in the image: compressed. */
  readonly storedBytes: number;
  readonly unpackedBytes: number;
  readonly fileCount: number;
  /** Of a file that is stored once for several owners. */
  readonly sharedBy?: readonly string[];
  /** It was compressed together with its neighbours: `storedBytes` is its portion of what they take. */
  readonly isPortion?: true;
  /** The largest first. */
  readonly parts: readonly SizePart[];
}

/** A file as it lies in an image. */
export interface SizedFile {
  /** Where the machine, or the initramfs, has it; the first path of several. */
  readonly path: string;
  readonly storedBytes: number;
  readonly unpackedBytes: number;
  readonly sharedBy?: readonly string[];
  readonly isPortion?: true;
}

/** Bytes that are no files. */
export function plainPart(name: string, storedBytes: number, unpackedBytes: number = storedBytes): SizePart {
  return { name, storedBytes, unpackedBytes, fileCount: 0, parts: [] };
}

export function filePart(name: string, file: SizedFile): SizePart {
  const { storedBytes, unpackedBytes, sharedBy, isPortion } = file;
  return {
    name,
    storedBytes,
    unpackedBytes,
    fileCount: 1,
    ...(sharedBy === undefined ? {} : { sharedBy }),
    ...(isPortion === undefined ? {} : { isPortion }),
    parts: [],
  };
}

export function joinParts(name: string, parts: readonly SizePart[]): SizePart {
  const sum = (measure: (part: SizePart) => number) =>
    parts.reduce((total, part) => total + measure(part), 0);
  return {
    name,
    storedBytes: sum((part) => part.storedBytes),
    unpackedBytes: sum((part) => part.unpackedBytes),
    fileCount: sum((part) => part.fileCount),
    parts: [...parts].sort(
      (one, other) => other.storedBytes - one.storedBytes || (one.name < other.name ? -1 : 1),
    ),
  };
}

/** Parts of a whole whose size is known; what they leave has a name too, so that nothing is lost. */
export function joinWhole(
  name: string,
  wholeBytes: number,
  parts: readonly SizePart[],
  restName: string,
): SizePart {
  const rest = wholeBytes - parts.reduce((total, part) => total + part.storedBytes, 0);
  if (rest < 0) throw new Error(`the parts of "${name}" are ${-rest} bytes larger than the whole`);
  return joinParts(name, rest === 0 ? parts : [...parts, plainPart(restName, rest)]);
}

/** One part for each key, in it one for each value that has it. */
export function groupParts<Value>(
  values: readonly Value[],
  keyOf: (value: Value) => string,
  partOf: (name: string, values: readonly Value[]) => SizePart,
): readonly SizePart[] {
  return [...Map.groupBy(values, keyOf)].map(([name, members]) => partOf(name, members));
}

/** Divides a whole number of bytes by weight; the portions are whole and add up to it. */
export function apportion(total: number, weights: readonly number[]): readonly number[] {
  const weight = weights.reduce((sum, each) => sum + each, 0);
  let given = 0;
  let passed = 0;
  return weights.map((each) => {
    passed += each;
    const until = weight === 0 ? 0 : Math.round((total * passed) / weight);
    const portion = until - given;
    given = until;
    return portion;
  });
}
