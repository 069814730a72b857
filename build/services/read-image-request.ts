import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FaultList } from '../errors/fault-list.ts';
import type { Place } from '../errors/keelson-error.ts';
import { parseImageReference } from '../oci-images/image-reference.ts';
import type { GivenFile, ImageRequest } from '../oci-images/image-request.ts';
import type { YamlPath, YamlSource } from '../recipe/yaml-source.ts';
import { digestOf } from '../store/canonical-json.ts';
import { findSourceProblem } from './read-file-requests.ts';
import type { ServiceImage } from './service-definition.ts';
import type { ServiceFile } from './service-schema.ts';

/** `image:` of a service, and what it leaves to the image's configuration; `undefined` when it has none, or with faults. */
export async function readServiceImage(
  file: ServiceFile,
  source: YamlSource,
  faults: FaultList,
): Promise<ServiceImage | undefined> {
  if (file.image === undefined) return undefined;
  checkAlone(file, source, faults);
  const request = await readImageRequest(file.image, ['image'], source, faults);
  if (request === undefined) return undefined;
  return {
    request,
    user: file.user,
    isWorkingFolderOpen: file.workingFolder === undefined,
    isStopSignalOpen: file.stop.signal === undefined,
  };
}

type ImageWish = NonNullable<ServiceFile['image']>;

/** An image as it is written at `above`, a reference or a table; `undefined` with faults. */
export async function readImageRequest(
  written: ImageWish,
  above: YamlPath,
  source: YamlSource,
  faults: FaultList,
): Promise<ImageRequest | undefined> {
  if (typeof written === 'string') return readReference(written, above, source, {}, faults);
  const given = await readTrust(written, above, source, faults);
  const request = readReference(written.from, [...above, 'from'], source, given, faults);
  if (written.key !== undefined && request !== undefined && request.source.kind !== 'registry') {
    faults.add({
      code: 'IMAGE_SIGNATURE_UNSUPPORTED',
      message: `Cannot check the signature of ${JSON.stringify(written.from)}: signatures are kept in registries`,
      place: source.place([...above, 'key']),
      hint: 'take the image from a registry, or remove "key"',
    });
  }
  return request;
}

/** Whom an image is taken from, and by whom it must be signed. */
type GivenTrust = Partial<Pick<ImageRequest, 'key' | 'authorities'>>;

/** `key` and `authorities` at `above`. */
export async function readTrust(
  wish: { readonly key?: string | undefined; readonly authorities?: string | undefined },
  above: YamlPath,
  source: YamlSource,
  faults: FaultList,
): Promise<GivenTrust> {
  const read = (key: keyof typeof givenKinds) =>
    readGivenFile(wish[key], key, source.place([...above, key]), source, faults);
  return { key: await read('key'), authorities: await read('authorities') };
}

/** A reference at `path`; `undefined` with a fault when it is none. */
export function readReference(
  reference: string,
  path: YamlPath,
  source: YamlSource,
  { key, authorities }: GivenTrust,
  faults: FaultList,
): ImageRequest | undefined {
  const place = source.place(path);
  const parsed = parseImageReference(reference, source.folder);
  if ('reason' in parsed) {
    const { reason, hint } = parsed;
    faults.add({
      code: 'IMAGE_REFERENCE_INVALID',
      message: `Cannot use ${JSON.stringify(reference)} as an image: ${reason}`,
      place,
      hint,
    });
    return undefined;
  }
  return { reference, source: parsed.source, place, key, authorities };
}

/** A root is of packages or of an image; both would be a system that nobody has tried. */
function checkAlone(file: ServiceFile, source: YamlSource, faults: FaultList): void {
  const packaged = file.files.findIndex((entry) => typeof entry === 'string');
  const others: readonly (readonly [YamlPath, boolean])[] = [
    [['packages'], file.packages.length > 0],
    [['packageFolder'], file.packageFolder !== undefined],
    [['layers'], file.layers.length > 0],
    [['accounts'], file.accounts.length > 0],
    [['files', packaged], packaged >= 0],
  ];
  for (const [path, isGiven] of others) {
    if (!isGiven) continue;
    faults.add({
      code: 'SERVICE_CONTRADICTORY',
      message: `Cannot have "${path[0]}" of Debian's beside an image`,
      place: source.place(path),
      hint: 'remove it, or the image; files of your own ("source", "content", "link", "folder") lie over those of the image',
    });
  }
}

const givenKinds = {
  key: { words: 'a public key, PEM', pattern: /-----BEGIN PUBLIC KEY-----/ },
  authorities: { words: 'certificates, PEM', pattern: /-----BEGIN CERTIFICATE-----/ },
} as const;

async function readGivenFile(
  path: string | undefined,
  key: keyof typeof givenKinds,
  place: Place,
  source: YamlSource,
  faults: FaultList,
): Promise<GivenFile | undefined> {
  if (path === undefined) return undefined;
  const file = join(source.folder, path);
  const { pattern, words } = givenKinds[key];
  const problem = await findSourceProblem(file, source.folder);
  if (problem !== undefined) {
    const { code, reason, hint } = problem;
    faults.add({ code, message: `Cannot take the file ${path}: ${reason}`, place, hint });
    return undefined;
  }
  const text = await readFile(file, 'latin1');
  if (pattern.test(text)) return { path: file, sha256: digestOf(text) };
  faults.add({
    code: 'VALUE_INVALID',
    message: `Cannot use ${path} for "${key}": expected ${words}`,
    place,
    hint: key === 'key' ? 'take the .pub file of `cosign generate-key-pair`' : 'take a file of certificates',
  });
  return undefined;
}
