import { symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { renderError } from '../errors/render-error.ts';
import { loadFixture, recipeText, serviceText, withRepository } from './fixture-repository.ts';
import { loadRecipe } from './load-recipe.ts';

const recipe = 'recipes/mine/recipe.yaml';
const sshKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0kP8J9Q2Yf3v0rCwq7hQmZ1p6u2cQkqX8mB4m5n6o7 me@here';

test('a recipe of three lines has a default for everything', async () => {
  const loaded = await loadFixture({ [recipe]: recipeText('mine') });
  expect(loaded).toMatchObject({
    name: 'mine',
    version: '2026.11.0',
    architecture: 'x86-64',
    kernel: { kind: 'debian', package: { name: 'linux-image-cloud-amd64' } },
    kernelArguments: [],
    suites: ['trixie', 'trixie-updates', 'trixie-security'],
    layers: [{ name: 'base' }],
    initramfsLayer: { name: 'initramfs' },
    services: [],
    files: [],
    hostname: 'mine',
    users: [],
    disk: {
      espSizeBytes: 64 * 1024 ** 2,
      slotSizeBytes: undefined,
      headRoom: 2,
      compression: 'zstd',
      reserveBytes: undefined,
      stateSizeBytes: 128 * 1024 ** 2,
    },
    outputs: ['raw'],
  });
  expect(loaded.folder).toMatch(/\/recipes\/mine$/);
});

test('a recipe for arm64 has the kernel of arm64, and an EFI system partition that holds it', async () => {
  const loaded = await loadFixture({ [recipe]: recipeText('mine', 'architecture: arm64') });
  expect(loaded).toMatchObject({
    architecture: 'arm64',
    kernel: { package: { name: 'linux-image-cloud-arm64' } },
    disk: { espSizeBytes: 128 * 1024 ** 2 },
  });
});

test('an extending recipe overrides scalars, appends lists and lays values over values', async () => {
  const loaded = await loadFixture({
    'recipes/ground/recipe.yaml': recipeText(
      'ground',
      'architecture: arm64',
      'hostname: ground',
      'kernel: { arguments: [quiet] }',
      'services: [{ name: a, values: { port: 1, name: ground } }, b, c]',
      'files: [{ path: /etc/x, content: ground }, { path: /etc/y, source: y }]',
      'users: [{ name: me, uid: 1005 }, { name: you }]',
      'disk: { espSize: 80MiB, slotSize: 100MiB }',
    ),
    'recipes/ground/y': 'of ground',
    'recipes/ground/system-services/b/service.yaml': serviceText('b'),
    [recipe]: recipeText(
      'mine',
      'extends: ../ground',
      'hostname: mine',
      'kernel: { arguments: [debug] }',
      'services: [d, { name: a, values: { port: 2 } }, { name: c, disabled: true }]',
      'files: [{ path: /etc/x, content: mine }]',
      `users: [{ name: me, sshKeys: [${sshKey}] }]`,
      'disk: { size: 1GiB, slotSize: 120MiB }',
    ),
    'recipes/mine/system-services/d/service.yaml': serviceText('d', 'needs: [b]'),
    'system-services/a/service.yaml': serviceText('a', 'values: { port: 0, name: "", more: true }'),
    'system-services/b/service.yaml': serviceText('b', 'type: one-shot'),
    'system-services/c/service.yaml': serviceText('c'),
  });
  expect(loaded).toMatchObject({
    name: 'mine',
    architecture: 'arm64',
    kernel: { package: { name: 'linux-image-cloud-arm64' } },
    kernelArguments: ['quiet', 'debug'],
    hostname: 'mine',
    users: [
      { name: 'me', uid: 1000, sshKeys: [sshKey] },
      { name: 'you', uid: 1001, sshKeys: [] },
    ],
    disk: {
      espSizeBytes: 80 * 1024 ** 2,
      slotSizeBytes: 120 * 1024 ** 2,
      stateSizeBytes: (1024 - 2 - 80 - 240 - 240) * 1024 ** 2,
    },
  });
  expect(loaded.services.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
    'a long-running',
    'b long-running',
    'd long-running',
  ]);
  expect(loaded.services[0]?.values).toEqual({ port: 2, name: 'ground', more: true });
  expect(loaded.files.map((file) => `${file.path} ${file.kind}`)).toEqual([
    '/etc/y source',
    '/etc/x content',
  ]);
});

test('head-room, reserve and budget are those of the nearest recipe that gives them', async () => {
  const loaded = await loadFixture({
    'recipes/ground/recipe.yaml': recipeText('ground', 'disk: { headRoom: 3, reserve: 64MiB }'),
    [recipe]: recipeText(
      'mine',
      'extends: ../ground',
      'disk: { size: 1GiB, slotSize: 120MiB, headRoom: 1.5, reserve: none, imageBudget: 43945KiB }',
    ),
  });
  expect(loaded.disk).toMatchObject({
    headRoom: 1.5,
    reserveBytes: 0,
    stateSizeBytes: (1024 - 2 - 64 - 240) * 1024 ** 2,
    imageBudget: { sizeBytes: 43945 * 1024, place: { line: 5 } },
  });
});

test('services start after what they wait for, otherwise in the order of the recipe', async () => {
  const loaded = await loadFixture({
    [recipe]: recipeText('mine', 'services: [z, y, x, w]'),
    'system-services/z/service.yaml': serviceText('z', 'needs: [x]', 'after: [elsewhere]'),
    'system-services/y/service.yaml': serviceText('y'),
    'system-services/x/service.yaml': serviceText('x', 'after: [w]'),
    'system-services/w/service.yaml': serviceText('w'),
    'system-services/elsewhere/service.yaml': serviceText('elsewhere'),
  });
  expect(loaded.services.map(({ name }) => name)).toEqual(['w', 'x', 'z', 'y']);
});

test('a recipe is found by name, by folder and by file', async () => {
  await withRepository({ [recipe]: recipeText('mine') }, async (folder) => {
    for (const name of ['mine', './mine', join(folder, 'recipes/mine'), 'mine/recipe.yaml']) {
      const loaded = await loadRecipe({
        name,
        repositoryFolder: folder,
        workingFolder: join(folder, 'recipes'),
      });
      expect(loaded.folder).toBe(join(folder, 'recipes/mine'));
    }
  });
});

/** What cannot be written as text of a fixture. */
const unusual = [
  {
    situation: 'a link that leads out of the folder',
    prepare: (folder: string) => symlink('/etc/hostname', join(folder, 'recipes/mine/file')),
    says: 'Cannot take the file file: a link leads out of its folder  [PATH_INVALID]',
    hint: 'hint: put a copy of the file beside the YAML file',
  },
  {
    situation: 'a folder',
    prepare: (folder: string) => symlink('folder', join(folder, 'recipes/mine/file')),
    says: 'Cannot take the file file: it is not a file  [SOURCE_MISSING]',
    hint: 'hint: name each file in an entry of its own',
  },
  {
    situation: 'a file that is too large',
    prepare: async (folder: string) => {
      await writeFile(join(folder, 'recipes/mine/file'), '');
      await truncate(join(folder, 'recipes/mine/file'), 65 * 1024 ** 2);
    },
    says: 'Cannot take the file file: it has 65.0 MiB and the limit is 64.0 MiB  [SOURCE_TOO_LARGE]',
    hint: 'hint: bring large content as a package',
  },
];

test.each(unusual)('as a source, $situation is refused', async ({ prepare, says, hint }) => {
  const files = {
    [recipe]: recipeText('mine', 'files: [{ path: /x, source: file }]'),
    'recipes/mine/folder/x': '',
  };
  await withRepository(files, async (folder) => {
    await prepare(folder);
    const text = await describeFailure(folder);
    expect(text).toContain(`recipes/mine/recipe.yaml:4:29: ${says}`);
    expect(text).toContain(hint);
  });
});

test('a recipe that is a folder, too large, or full of aliases is refused', async () => {
  await withRepository({ 'recipes/mine/recipe.yaml/x': '' }, async (folder) => {
    expect(await describeFailure(folder)).toBe(
      [
        'recipes/mine/recipe.yaml: Cannot read the file  [FILE_UNREADABLE]',
        'cause: EISDIR: illegal operation on a directory, read',
        'hint: check that it is a file and that you may read it',
      ].join('\n'),
    );
  });
  await withRepository({ [recipe]: `# ${'x'.repeat(1024 ** 2)}\n` }, async (folder) => {
    expect(await describeFailure(folder)).toBe(
      [
        'recipes/mine/recipe.yaml: Cannot read a YAML file of 1.0 MiB: the limit is 1.0 MiB  [YAML_TOO_LARGE]',
        'hint: move large content to files of its own and name them with "source"',
      ].join('\n'),
    );
  });
  const bomb = ['a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de']) {
    bomb.push(`${to}: &${to} [${Array.from({ length: 9 }, () => `*${from}`).join(', ')}]`);
  }
  await withRepository({ [recipe]: recipeText('mine', ...bomb) }, async (folder) => {
    expect(await describeFailure(folder)).toContain(
      'recipes/mine/recipe.yaml: Cannot read as YAML: its aliases cannot be resolved  [YAML_UNREADABLE]',
    );
  });
});

async function describeFailure(folder: string): Promise<string> {
  const options = { name: 'mine', repositoryFolder: folder, workingFolder: folder };
  const error = await loadRecipe(options).catch((failure: unknown) => failure);
  return renderError(error, { isColoured: false, workingFolder: folder });
}
