import { expect, test } from '@jest/globals';
import { requestDigest } from '../lock/lock-groups.ts';
import { loadFixture, recipeText, renderFaults } from './fixture-repository.ts';

const recipe = 'recipes/mine/recipe.yaml';
const ground = { 'recipes/ground/recipe.yaml': recipeText('ground') };
const web = (...keys: readonly string[]) =>
  ['name: mine', 'extends: ground', `services: [{ name: web, ${keys.join(', ')} }]`, ''].join('\n');
const key = '-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n';

test('three lines extend a recipe by a service from an image', async () => {
  const loaded = await loadFixture({
    ...ground,
    [recipe]: web('image: "quay.io/org/web:1.0"', 'ports: [80/tcp]', 'namespaces: { network: machine }'),
  });
  expect(loaded).toMatchObject({ name: 'mine', version: '2026.11.0', description: 'A recipe' });
  expect(loaded.services).toMatchObject([
    {
      name: 'web',
      description: 'OCI image quay.io/org/web:1.0',
      command: [],
      ports: [{ port: 80, protocol: 'tcp' }],
      resources: { memoryBytes: 64 * 1024 ** 2 },
      image: {
        user: undefined,
        isWorkingFolderOpen: true,
        isStopSignalOpen: true,
        request: {
          reference: 'quay.io/org/web:1.0',
          source: { kind: 'registry', registry: 'quay.io', repository: 'org/web', tag: '1.0' },
          place: { line: 3, column: 32 },
        },
      },
    },
  ]);
});

test('a service.yaml can have an image too; what it says itself is not left to the image', async () => {
  const loaded = await loadFixture({
    [recipe]: recipeText('mine', 'services: [web]'),
    'system-services/web/service.yaml': [
      'name: web',
      'description: A service',
      'image: { from: "oci:images/web", authorities: ca.crt }',
      'user: "101:101"',
      'workingFolder: /srv',
      'stop: { signal: QUIT }',
      '',
    ].join('\n'),
    'system-services/web/ca.crt': '-----BEGIN CERTIFICATE-----\n',
  });
  const [service] = loaded.services;
  expect(service).toMatchObject({ workingFolder: '/srv', stop: { signal: 'SIGQUIT' }, command: [] });
  expect(service?.image).toMatchObject({
    user: '101:101',
    isWorkingFolderOpen: false,
    isStopSignalOpen: false,
  });
  const source = service?.image?.request.source;
  expect(source?.kind === 'layout' && source.path).toMatch(/\/system-services\/web\/images\/web$/);
});

test('an extending recipe gives it up, or takes another', async () => {
  const [first, last] = [web('image: "quay.io/org/web:1.0"'), web('image: "quay.io/org/web:2.0"')];
  const over = { 'recipes/ground/recipe.yaml': recipeText('ground', first.split('\n')[2] ?? '') };
  const replaced = await loadFixture({ ...over, [recipe]: last });
  expect(replaced.services.map(({ image }) => image?.request.reference)).toEqual(['quay.io/org/web:2.0']);
  const without = await loadFixture({ ...over, [recipe]: web('disabled: true') });
  expect(without.services).toEqual([]);
});

test('another image, or another key, needs another lockfile', async () => {
  const digestOf = async (image: string, keyText = key) => {
    const files = { ...ground, [recipe]: web(`image: ${image}`), 'recipes/mine/cosign.pub': keyText };
    return requestDigest(await loadFixture(files));
  };
  const digests = await Promise.all([
    digestOf('"quay.io/org/web:1.0"'),
    digestOf('"quay.io/org/web:2.0"'),
    digestOf('{ from: "quay.io/org/web:1.0", key: cosign.pub }'),
    digestOf('{ from: "quay.io/org/web:1.0", key: cosign.pub }', `${key}\n`),
  ]);
  expect(new Set(digests).size).toBe(4);
});

test.each([
  [
    'no registry',
    ['image: "nginx:1.29"'],
    'Cannot use "nginx:1.29" as an image: it names no registry  [IMAGE_REFERENCE_INVALID]',
    'hint: write docker.io/library/nginx:1.29 if that is meant',
  ],
  [
    'packages',
    ['image: "quay.io/org/web:1"', 'packages: [nginx]'],
    'Cannot have "packages" of Debian\'s beside an image  [SERVICE_CONTRADICTORY]',
    'hint: remove it, or the image',
  ],
  [
    'files of packages',
    ['image: "quay.io/org/web:1"', 'files: [/usr/bin/nginx]'],
    'Cannot have "files" of Debian\'s beside an image  [SERVICE_CONTRADICTORY]',
    'hint: remove it, or the image',
  ],
  [
    'no image',
    ['ports: [80/tcp]'],
    'Cannot use the key "ports" in an entry of "services" that has no image  [KEY_UNKNOWN]',
    'hint: write it into the service.yaml of "web", or add "image: registry/name:tag"',
  ],
  [
    'a key that is missing',
    ['image: { from: "quay.io/org/web:1", key: cosign.pub }'],
    'Cannot take the file cosign.pub: there is none  [SOURCE_MISSING]',
    'hint: create',
  ],
  [
    'a key that is none',
    ['image: { from: "quay.io/org/web:1", key: recipe.yaml }'],
    'Cannot use recipe.yaml for "key": expected a public key, PEM  [VALUE_INVALID]',
    'hint: take the .pub file of `cosign generate-key-pair`',
  ],
  [
    'a key for a folder',
    ['image: { from: "oci:web", key: recipe.yaml }'],
    'Cannot check the signature of "oci:web": signatures are kept in registries  [IMAGE_SIGNATURE_UNSUPPORTED]',
    'hint: take the image from a registry, or remove "key"',
  ],
  [
    'a word that is not known',
    ['image: "quay.io/org/web:1"', 'port: 80'],
    'Cannot use the key "port" in an entry of "services"  [KEY_UNKNOWN]',
    'hint: did you mean "ports"?',
  ],
])('is refused with %s', async (_what, keys, message, hint) => {
  const said = await renderFaults({ ...ground, [recipe]: web(...keys) });
  expect(said).toContain(`recipes/mine/recipe.yaml:3:`);
  expect(said).toContain(message);
  expect(said).toContain(hint);
});

test('a recipe that extends none needs a version and a description', async () => {
  const said = await renderFaults({ [recipe]: 'name: mine\n' });
  expect(said).toContain('Cannot do without the key "version" at the top of the file  [KEY_MISSING]');
  expect(said).toContain('Cannot do without the key "description" at the top of the file  [KEY_MISSING]');
});
