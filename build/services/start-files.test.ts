import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createBuildHost } from '../host/node-host.ts';
import { parseImageReference } from '../oci-images/image-reference.ts';
import type { ImageRequest } from '../oci-images/image-request.ts';
import { lockImage } from '../oci-images/lock-image.ts';
import { openContainerImages } from '../oci-images/open-container-images.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { openStore } from '../store/open-store.ts';
import { demoLockfile, demoRecipe } from '../testing/demo-recipe.ts';
import { demoService } from '../testing/demo-service.ts';
import { makeOciLayout } from '../testing/make-oci-layout.ts';
import type { Workshop } from '../tools/workshop.ts';
import { makeStartFiles } from './start-files.ts';

let folder: string;
let workshop: Workshop;
const engine = demoService({ name: 'engine', starts: ['containers', 'compose'] });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keelson-start-'));
  const host = createBuildHost({ signal: new AbortController().signal });
  const emit = () => {};
  const store = await openStore({ root: join(folder, 'store'), host, emit });
  // A layout is read without any tool.
  const openTools = () => Promise.reject(new Error('no tools here'));
  workshop = { host, store, emit, openTools };
  const below = [{ name: 'bin/base', content: 'shared' }];
  await makeOciLayout(join(folder, 'layout'), {
    one: { layers: [below, [{ name: 'page', content: 'one' }]] },
    two: { layers: [below, [{ name: 'page', content: 'two' }]], packing: 'zstd' },
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function fromLayout(tag: string, reference = `oci:layout:${tag}`): ImageRequest {
  const parsed = parseImageReference(`oci:layout:${tag}`, folder);
  if ('reason' in parsed) throw new Error(parsed.reason);
  return { reference, source: parsed.source, place: { file: '/r' }, key: undefined, authorities: undefined };
}

const request = { command: [], environment: {}, ports: [], volumes: [], restart: 'always' } as const;

async function makeFiles(changes: Partial<Recipe>, pretend = (image: ImageRequest) => image) {
  const recipe = demoRecipe(folder, changes);
  const images: Record<string, Awaited<ReturnType<typeof lockImage>>> = {};
  for (const { name, image } of recipe.containers) {
    images[`container/${name}`] = await lockImage(workshop, image, 'x86-64');
  }
  for (const { name, images: wanted } of recipe.projects) {
    for (const { service, image } of wanted) {
      images[`compose/${name}/${service}`] = await lockImage(workshop, image, 'x86-64');
    }
  }
  const opened = await openContainerImages(workshop, recipe, { ...demoLockfile(recipe), images });
  const known = new Map([...opened].map(([key, each]) => [key, { ...each, request: pretend(each.request) }]));
  const { tree, builtInImages } = makeStartFiles(recipe, engine, known);
  const files = new Map<string, string>();
  for (const [path, node] of tree) {
    if (node.type === 'file')
      files.set(path.replace('/usr/lib/containers/', ''), String(await node.content.read()));
  }
  return { files, builtInImages, list: JSON.parse(files.get('list.json') ?? '') };
}

/** As if it were of a registry. */
const inRegistry = (image: ImageRequest): ImageRequest => ({
  ...image,
  source: {
    kind: 'registry',
    registry: 'quay.io',
    repository: 'org/web',
    tag: image.reference.split(':').at(-1),
    digest: undefined,
  },
});

test('an image that is built in is a folder that an engine loads; a layer of two is one file', async () => {
  const started = { isPreloaded: true, engine: 'engine', request } as const;
  const { files, list, builtInImages } = await makeFiles(
    { containers: ['one', 'two'].map((name) => ({ ...started, name, image: fromLayout(name) })) },
    inRegistry,
  );
  const [{ id }, other] = list.images;
  expect(list.images).toEqual([
    { id: expect.stringMatching(/^sha256:[0-9a-f]{64}$/), name: 'quay.io/org/web:one' },
    { id: expect.not.stringContaining(id), name: 'quay.io/org/web:two' },
  ]);
  expect(list.containers).toEqual([
    { name: 'one', image: 'quay.io/org/web:one', imageId: id, ...request },
    { name: 'two', image: 'quay.io/org/web:two', imageId: other.id, ...request },
  ]);
  const image = `images/${id.slice(7)}`;
  const [manifest] = JSON.parse(files.get(`${image}/manifest.json`) ?? '');
  expect(manifest).toMatchObject({ Config: 'config.json', RepoTags: null });
  expect(manifest.Layers).toHaveLength(2);
  for (const layer of manifest.Layers) expect(files.has(`${image}/${layer}`)).toBe(true);
  expect(JSON.parse(files.get(`${image}/config.json`) ?? '')).toMatchObject({ os: 'linux' });
  expect(builtInImages.map(({ image }) => image)).toEqual(['oci:layout:one', 'oci:layout:two']);
});

test('one without a tag is known by its id', async () => {
  const { list } = await makeFiles({
    containers: [{ name: 'one', isPreloaded: true, engine: 'engine', request, image: fromLayout('one') }],
  });
  expect(list.containers[0].image).toBe(list.images[0].id);
  expect(list.images[0].name).toBeUndefined();
});

test('one that is pulled is named by the digest of the lockfile, and is not in the root', async () => {
  const { list, files, builtInImages } = await makeFiles(
    {
      containers: [{ name: 'one', isPreloaded: false, engine: 'engine', request, image: fromLayout('one') }],
    },
    inRegistry,
  );
  expect(list.containers[0].image).toMatch(/^quay\.io\/org\/web@sha256:[0-9a-f]{64}$/);
  expect([...files.keys()]).toEqual(['list.json']);
  expect(builtInImages).toEqual([]);
});

test('a Compose file stays as it is; beside it stands what its images are', async () => {
  const { files, list } = await makeFiles(
    {
      projects: [true, false].map((isPreloaded) => ({
        name: isPreloaded ? 'shop' : 'far',
        isPreloaded,
        engine: 'engine',
        text: 'services: {}\n',
        images: [{ service: 'front', image: fromLayout('one') }],
      })),
    },
    inRegistry,
  );
  expect(list.projects).toEqual(['shop', 'far']);
  expect(files.get('compose/shop/compose.yaml')).toBe('services: {}\n');
  const pins = (name: string) => JSON.parse(files.get(`compose/${name}/pins.json`) ?? '').services.front;
  expect(pins('shop')).toEqual({ image: 'quay.io/org/web:one', pull_policy: 'never' });
  expect(pins('far')).toEqual({ image: expect.stringMatching(/^quay\.io\/org\/web@sha256:/) });
});

test('what another engine starts is not here; a service that starts nothing has no list', async () => {
  const other = { name: 'one', isPreloaded: true, engine: 'other', request, image: fromLayout('one') };
  expect((await makeFiles({ containers: [other] })).list).toEqual({
    format: 1,
    containers: [],
    projects: [],
    images: [],
  });
  expect(makeStartFiles(demoRecipe(folder), demoService(), new Map()).tree.size).toBe(0);
});

test('an image that the lockfile lacks', async () => {
  const recipe = demoRecipe(folder, {
    containers: [{ name: 'one', isPreloaded: true, engine: 'engine', request, image: fromLayout('one') }],
  });
  await expect(openContainerImages(workshop, recipe, demoLockfile(recipe))).rejects.toMatchObject({
    code: 'LOCKFILE_OUTDATED',
    message: 'Cannot build demo: its lockfile has no image for container/one',
  });
});
