import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FaultList } from '../errors/fault-list.ts';
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
  const wish = typeof file.image === 'string' ? { from: file.image } : file.image;
  checkAlone(file, source, faults);
  const place = source.place(typeof file.image === 'string' ? ['image'] : ['image', 'from']);
  const parsed = parseImageReference(wish.from, source.folder);
  if ('reason' in parsed) {
    const { reason, hint } = parsed;
    faults.add({
      code: 'IMAGE_REFERENCE_INVALID',
      message: `Cannot use ${JSON.stringify(wish.from)} as an image: ${reason}`,
      place,
      hint,
    });
    return undefined;
  }
  if (wish.key !== undefined && parsed.source.kind !== 'registry') {
    faults.add({
      code: 'IMAGE_SIGNATURE_UNSUPPORTED',
      message: `Cannot check the signature of ${JSON.stringify(wish.from)}: signatures are kept in registries`,
      place: source.place(['image', 'key']),
      hint: 'take the image from a registry, or remove "key"',
    });
  }
  const request: ImageRequest = {
    reference: wish.from,
    source: parsed.source,
    place,
    key: await readGivenFile(wish.key, 'key', /-----BEGIN PUBLIC KEY-----/, source, faults),
    authorities: await readGivenFile(
      wish.authorities,
      'authorities',
      /-----BEGIN CERTIFICATE-----/,
      source,
      faults,
    ),
  };
  return {
    request,
    user: file.user,
    isWorkingFolderOpen: file.workingFolder === undefined,
    isStopSignalOpen: file.stop.signal === undefined,
  };
}

/** A root is of packages or of an image; both would be a system that nobody has tried. */
function checkAlone(file: ServiceFile, source: YamlSource, faults: FaultList): void {
  const packaged = file.files.findIndex((entry) => typeof entry === 'string');
  const others: readonly (readonly [YamlPath, boolean])[] = [
    [['packages'], file.packages.length > 0],
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

const givenKinds = { key: 'a public key, PEM', authorities: 'certificates, PEM' } as const;

async function readGivenFile(
  path: string | undefined,
  key: keyof typeof givenKinds,
  expected: RegExp,
  source: YamlSource,
  faults: FaultList,
): Promise<GivenFile | undefined> {
  if (path === undefined) return undefined;
  const file = join(source.folder, path);
  const place = source.place(['image', key]);
  const problem = await findSourceProblem(file, source.folder);
  if (problem !== undefined) {
    const { code, reason, hint } = problem;
    faults.add({ code, message: `Cannot take the file ${path}: ${reason}`, place, hint });
    return undefined;
  }
  const text = await readFile(file, 'latin1');
  if (expected.test(text)) return { path: file, sha256: digestOf(text) };
  faults.add({
    code: 'VALUE_INVALID',
    message: `Cannot use ${path} for "${key}": expected ${givenKinds[key]}`,
    place,
    hint: key === 'key' ? 'take the .pub file of `cosign generate-key-pair`' : 'take a file of certificates',
  });
  return undefined;
}
