import { expect, test } from '@jest/globals';
import { requestDigest } from '../lock/lock-groups.ts';
import { loadFixture, recipeText, renderFaults, serviceText } from './fixture-repository.ts';

const recipe = 'recipes/mine/recipe.yaml';
const composeFile = 'recipes/mine/files/shop.yaml';
const engine = serviceText(
  'engine',
  'starts: [containers]',
  'namespaces: { network: machine }',
  'ports: [22/tcp]',
  'options:',
  '  compose: { description: Compose, packages: [compose], files: [/usr/bin/compose], commands: [/usr/bin/compose], starts: [compose] }',
);
const ground = { 'system-services/engine/service.yaml': engine };
const mine = (...lines: readonly string[]) => recipeText('mine', 'services: [engine]', ...lines);
const withCompose = (...lines: readonly string[]) =>
  recipeText('mine', 'services: [{ name: engine, with: [compose] }]', ...lines);

test('containers, with what is not said filled in', async () => {
  const { containers } = await loadFixture({
    ...ground,
    [recipe]: mine(
      'containers:',
      '  - name: web',
      '    image: quay.io/org/web:1.0',
      '    ports: ["8080:80"]',
      '    volumes: ["data:/data"]',
      '    environment: { COLOUR: blue }',
      '    environmentFile: /run/keelson/files/web.env',
      '  - { name: job, image: "quay.io/org/job:1.0", preload: false, restart: "no", command: [tidy, up] }',
    ),
  });
  expect(containers).toMatchObject([
    {
      name: 'web',
      isPreloaded: true,
      engine: 'engine',
      image: { reference: 'quay.io/org/web:1.0', place: { line: 7, column: 12 } },
      request: {
        command: [],
        environment: { COLOUR: 'blue' },
        environmentFile: '/run/keelson/files/web.env',
        ports: ['8080:80'],
        volumes: ['data:/data'],
        restart: 'unless-stopped',
      },
    },
    { name: 'job', isPreloaded: false, request: { restart: 'no', command: ['tidy', 'up'] } },
  ]);
});

test('an entry of an extending recipe replaces one of its name, or leaves it out', async () => {
  const { containers } = await loadFixture({
    ...ground,
    'recipes/base/recipe.yaml': recipeText(
      'base',
      'services: [engine]',
      'containers: [{ name: a, image: "quay.io/a:1" }, { name: b, image: "quay.io/b:1", ports: ["80:80"] }, { name: c, image: "quay.io/c:1" }]',
    ),
    [recipe]:
      'name: mine\nextends: base\ncontainers: [{ name: b, image: "quay.io/b:2" }, { name: c, disabled: true }]\n',
  });
  expect(containers.map(({ name, image, request }) => [name, image.reference, request.ports])).toEqual([
    ['a', 'quay.io/a:1', []],
    ['b', 'quay.io/b:2', []],
  ]);
});

test('a Compose project: its file, and the image of each of its services', async () => {
  const { projects, services } = await loadFixture({
    ...ground,
    [recipe]: withCompose('compose: [{ name: shop, file: files/shop.yaml }]'),
    [composeFile]:
      'services:\n  front: { image: "quay.io/org/front:1.0" }\n  store: { image: "quay.io/org/store:2.0", volumes: ["data:/data"] }\n',
  });
  expect(projects).toMatchObject([
    {
      name: 'shop',
      isPreloaded: true,
      engine: 'engine',
      text: expect.stringMatching(/^services:\n {2}front/),
      images: [
        { service: 'front', image: { reference: 'quay.io/org/front:1.0', place: { line: 2 } } },
        { service: 'store', image: { reference: 'quay.io/org/store:2.0' } },
      ],
    },
  ]);
  const [service] = services;
  expect(service).toMatchObject({
    starts: ['containers', 'compose'],
    commands: ['/usr/bin/compose'],
    packages: [{ name: 'compose' }],
    files: [{ path: '/usr/bin/compose', place: { line: 8, column: 65 } }],
  });
});

test('a service without its option has nothing of it', async () => {
  const { services } = await loadFixture({ ...ground, [recipe]: mine() });
  expect(services[0]).toMatchObject({ starts: ['containers'], commands: [], packages: [], files: [] });
});

const container = (...keys: readonly string[]) => `containers: [{ name: web, ${keys.join(', ')} }]`;
const image = 'image: "quay.io/org/web:1"';

test.each<[string, string, string, string]>([
  [
    'no image',
    mine('containers: [{ name: web }]'),
    ':5:14: Cannot start the container "web" without the key "image"  [KEY_MISSING]',
    'hint: add "image: registry/name:tag"',
  ],
  [
    'a short reference',
    mine(container('image: nginx')),
    'Cannot use "nginx" as an image: it names no registry  [IMAGE_REFERENCE_INVALID]',
    'hint: write docker.io/library/nginx if that is meant',
  ],
  [
    'half a port',
    mine(container(image, 'ports: ["80"]')),
    'Cannot use "80" for an entry of "ports": expected PORT:PORT',
    'hint: write "8080:80": on the machine, in the container',
  ],
  [
    'the port of a service',
    mine(container(image, 'ports: ["22:22"]')),
    ':5:63: Cannot open port 22/tcp for the container "web": "engine" has it  [PORT_DUPLICATE]',
    'hint: publish it at another port of the machine',
  ],
  [
    'a volume that is relative',
    mine(container(image, 'volumes: ["./a:/a"]')),
    'expected NAME:/PATH or /PATH:/PATH, with :ro where it is only read  [PATH_INVALID]',
    'hint: write "data:/var/lib/data"',
  ],
  [
    'a variable of two lines',
    mine(container(image, 'environment: { A: "b\\nc" }')),
    'expected text of one line',
    '',
  ],
  [
    'a strange restart policy',
    mine(container(image, 'restart: allways')),
    'for "restart": expected one of',
    'hint: did you mean "always"?',
  ],
  [
    'no engine',
    recipeText('mine', container(image)),
    'Cannot start the container "web": no service of the recipe starts any  [ENGINE_MISSING]',
    'hint: add an engine: "services: [docker]"',
  ],
  [
    'another engine',
    mine(container(image, 'engine: motor')),
    'Cannot start the container "web" with "motor": the recipe has no such engine  [ENGINE_UNKNOWN]',
    'hint: use one of the engines: engine',
  ],
  [
    'a folder to be pulled',
    mine(container('image: "oci:web"', 'preload: false')),
    'Cannot let the machine pull oci:web: it is in no registry  [IMAGE_UNREACHABLE]',
    'hint: remove "preload: false", or push it to a registry',
  ],
  [
    'one name twice',
    mine(`containers: [{ name: web, ${image} }, { name: web, ${image} }]`),
    'Cannot have "web" twice in "containers" of one recipe  [CONTAINER_DUPLICATE]',
    'hint: keep one of the two entries',
  ],
  [
    'a project without Compose',
    mine('compose: [{ name: shop, file: files/shop.yaml }]'),
    'Cannot start the Compose project "shop": no service of the recipe starts any  [ENGINE_MISSING]',
    'hint: add the engine with its option: "services: [{ name: docker, with: [compose] }]"',
  ],
  [
    'no file',
    withCompose('compose: [{ name: shop }]'),
    'Cannot start the Compose project "shop" without the key "file"  [KEY_MISSING]',
    'hint: add "file: files/compose.yaml"',
  ],
  [
    'a missing file',
    withCompose('compose: [{ name: shop, file: files/shoop.yaml }]'),
    ':5:31: Cannot take the file files/shoop.yaml: there is none  [SOURCE_MISSING]',
    '',
  ],
  [
    'a strange option',
    recipeText('mine', 'services: [{ name: engine, with: [composer] }]'),
    ':4:35: Cannot have "engine" with "composer": it has no such option  [OPTION_UNKNOWN]',
    'hint: did you mean "compose"?',
  ],
])('%s', async (_, text, message, hint) => {
  const files = { ...ground, [recipe]: text, [composeFile]: 'services: { a: { image: "quay.io/a:1" } }\n' };
  const said = await renderFaults(files);
  expect(said).toContain(message);
  expect(said).toContain(hint);
});

test.each([
  ['services: {}', ':1:1: Cannot build in the Compose file: it has no services'],
  [
    'services: { a: { build: . } }',
    ':1:25: Cannot build in the Compose file: the service "a" is built on the machine',
  ],
  [
    'services: { a: { image: "quay.io/a:$TAG" } }',
    ':1:25: Cannot build in the Compose file: an image with a variable cannot be pinned',
  ],
  [
    `services: { a: { image: "quay.io/a@sha256:${'a'.repeat(64)}" } }`,
    'Compose knows a built-in image by its tag',
  ],
  ['services: { a: { image: nginx } }', ':1:25: Cannot use "nginx" as an image: it names no registry'],
  [
    'services: { a: { image: "quay.io/a:1", volumes: ["./x:/x"] } }',
    ':1:50: Cannot build in the Compose file: the volume "./x:/x" is in another file',
  ],
  ['services: { a: { image: "quay.io/a:1", env_file: a.env } }', '"env_file" is in another file'],
  [
    'services: { a: { image: "quay.io/a:1" } }\nconfigs: { c: { file: c.conf } }',
    ':2:23: Cannot build in the Compose file: "c" of "configs" is in another file',
  ],
  ['services: { a: { image: "quay.io/a:1" } }\ninclude: [b.yaml]', '"include" is in another file'],
  ['services: { a: [ }', 'Cannot read as YAML'],
])('the Compose file %s', async (text, message) => {
  const said = await renderFaults({
    ...ground,
    [recipe]: withCompose('compose: [{ name: shop, file: files/shop.yaml }]'),
    [composeFile]: `${text}\n`,
  });
  expect(said).toContain(`${composeFile}:`);
  expect(said).toContain(message);
});

test('a Compose file may name whole paths of the machine', async () => {
  const { projects } = await loadFixture({
    ...ground,
    [recipe]: withCompose('compose: [{ name: shop, file: files/shop.yaml }]'),
    [composeFile]:
      'services: { a: { image: "quay.io/a:1", env_file: /run/keelson/files/a.env, volumes: ["/home/a:/a", { type: bind, source: /run/x, target: /x }] } }\n',
  });
  expect(projects).toHaveLength(1);
});

test('another image makes the lockfile outdated, other ports do not', async () => {
  const digest = async (...keys: readonly string[]) =>
    requestDigest(await loadFixture({ ...ground, [recipe]: mine(container(...keys)) }));
  expect(await digest(image)).toBe(await digest(image, 'ports: ["80:80"]'));
  expect(await digest(image)).not.toBe(await digest('image: "quay.io/org/web:2"'));
});
