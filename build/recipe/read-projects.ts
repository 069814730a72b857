import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FaultList } from '../errors/fault-list.ts';
import type { LoadedService } from '../services/load-service.ts';
import { findSourceProblem } from '../services/read-file-requests.ts';
import { readReference, readTrust } from '../services/read-image-request.ts';
import type { ProjectEntry } from './container-schema.ts';
import type { ReadRecipe } from './find-recipe.ts';
import { checkPullable, findEngine, mergeEntries, type WrittenEntry } from './read-containers.ts';
import type { ComposeProject } from './recipe.ts';
import { readYamlSource, type YamlPath, type YamlSource } from './yaml-source.ts';

/**
 * `compose` of all recipes: each file with the images of its services. What Compose itself would say of a file is not said here, only
 * what cannot be part of an image: parts in other files, images that are to be built or that no lockfile can pin.
 */
export async function readProjects(
  chain: readonly ReadRecipe[],
  services: readonly LoadedService[] | undefined,
  faults: FaultList,
): Promise<ComposeProject[]> {
  const projects: ComposeProject[] = [];
  for (const written of mergeEntries<ProjectEntry>(chain, 'compose', faults)) {
    const { name, preload: isPreloaded } = written.entry;
    const file = await readComposeFile(written, faults);
    const engine = findEngine(written.entry, 'compose', written, services, faults);
    if (file === undefined) continue;
    checkOtherFiles(file, faults);
    const trust = await readTrust(written.entry, written.path, written.source, faults);
    const images = readImages(file, isPreloaded, trust, faults);
    if (engine === undefined) continue;
    const text = await readFile(file.file, 'utf8');
    projects.push({ name, isPreloaded, engine, text, images });
  }
  return projects;
}

async function readComposeFile(
  { entry, source, path }: WrittenEntry<ProjectEntry>,
  faults: FaultList,
): Promise<YamlSource | undefined> {
  if (entry.file === undefined) {
    faults.add({
      code: 'KEY_MISSING',
      message: `Cannot start the Compose project "${entry.name}" without the key "file"`,
      place: source.place(path),
      hint: 'add "file: files/compose.yaml"',
    });
    return undefined;
  }
  const file = join(source.folder, entry.file);
  const problem = await findSourceProblem(file, source.folder);
  if (problem === undefined) return readYamlSource(file, faults);
  const { code, reason, hint } = problem;
  const place = source.place([...path, 'file']);
  faults.add({ code, message: `Cannot take the file ${entry.file}: ${reason}`, place, hint });
  return undefined;
}

type Table = Readonly<Record<string, unknown>>;

function tableAt(value: unknown, key: string): Table {
  const found = (value as Table | null | undefined)?.[key];
  return typeof found === 'object' && found !== null ? (found as Table) : {};
}

function readImages(
  file: YamlSource,
  isPreloaded: boolean,
  trust: Awaited<ReturnType<typeof readTrust>>,
  faults: FaultList,
): ComposeProject['images'] {
  const services = Object.entries(tableAt(file.value, 'services'));
  const wrong = (path: YamlPath, reason: string, hint: string) =>
    faults.add({
      code: 'COMPOSE_UNSUPPORTED',
      message: `Cannot build in the Compose file: ${reason}`,
      place: file.place(path),
      hint,
    });
  if (services.length === 0) wrong([], 'it has no services', 'add "services:" with one at least');
  const images: { service: string; image: ComposeProject['images'][number]['image'] }[] = [];
  for (const [service, value] of services) {
    const path = ['services', service];
    const { image: reference, build } = (value ?? {}) as Table;
    if (build !== undefined) {
      const hint = 'build it elsewhere, and name the image';
      wrong([...path, 'build'], `the service "${service}" is built on the machine`, hint);
      continue;
    }
    if (typeof reference !== 'string') {
      const hint = 'build it elsewhere, and write "image: registry/name:tag"';
      wrong(path, `the service "${service}" has no image`, hint);
      continue;
    }
    if (reference.includes('$')) {
      wrong([...path, 'image'], 'an image with a variable cannot be pinned', 'write its name out');
      continue;
    }
    const image = readReference(reference, [...path, 'image'], file, trust, faults);
    if (image === undefined) continue;
    checkPullable(image, isPreloaded, faults);
    if (image.source.kind !== 'registry' || image.source.tag === undefined) {
      const hint = 'write registry/name:tag; the lockfile has its digest';
      wrong([...path, 'image'], 'Compose knows a built-in image by its tag', hint);
    }
    images.push({ service, image });
  }
  return images;
}

/** The file is all that gets into the image. */
function checkOtherFiles(file: YamlSource, faults: FaultList): void {
  const refuse = (path: YamlPath, what: string) =>
    faults.add({
      code: 'COMPOSE_UNSUPPORTED',
      message: `Cannot build in the Compose file: ${what} is in another file`,
      place: file.place(path),
      hint: 'write it into this file ("configs" with "content"), or name a whole path on the machine',
    });
  const value = (file.value ?? {}) as Table;
  if (value.include !== undefined) refuse(['include'], '"include"');
  for (const kind of ['configs', 'secrets']) {
    for (const [name, entry] of Object.entries(tableAt(value, kind))) {
      if (isRelative((entry as Table | null)?.file)) refuse([kind, name, 'file'], `"${name}" of "${kind}"`);
    }
  }
  for (const [name, service] of Object.entries(tableAt(value, 'services'))) {
    const path = ['services', name];
    const { extends: base, env_file: variables, volumes } = (service ?? {}) as Table;
    if (base !== null && typeof base === 'object' && 'file' in base)
      refuse([...path, 'extends'], '"extends"');
    const files = Array.isArray(variables) ? variables : [variables];
    for (const each of files) {
      const named = typeof each === 'object' && each !== null ? (each as Table).path : each;
      if (isRelative(named)) refuse([...path, 'env_file'], '"env_file"');
    }
    for (const [index, volume] of (Array.isArray(volumes) ? volumes : []).entries()) {
      const place = [...path, 'volumes', index];
      if (typeof volume === 'string' && /^[.~]/.test(volume)) refuse(place, `the volume "${volume}"`);
      const { type, source } = (typeof volume === 'object' && volume !== null ? volume : {}) as Table;
      if (type === 'bind' && isRelative(source)) refuse(place, `the volume "${String(source)}"`);
    }
  }
}

function isRelative(path: unknown): boolean {
  return typeof path === 'string' && !/^[/$]/.test(path);
}
