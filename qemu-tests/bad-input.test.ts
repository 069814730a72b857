import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { keelson, repositoryFolder, testOutputFolder } from './support/test-workshop.ts';

const folder = join(testOutputFolder, 'bad-input');
const minimalLock = join(repositoryFolder, 'recipes/minimal/recipe.lock.json');

beforeAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
});

/** A recipe that extends `minimal`, in a folder of its own. */
async function writeRecipe(name: string, lines: readonly string[], lockfile?: string): Promise<string> {
  const recipeFolder = join(folder, name);
  await mkdir(recipeFolder, { recursive: true });
  const head = [`name: ${name}`, 'version: 2026.11.0', 'description: A test', 'extends: minimal'];
  const keys = lines.map((line) => line.split(':')[0]);
  const kept = head.filter((line) => !keys.includes(line.split(':')[0]));
  await writeFile(join(recipeFolder, 'recipe.yaml'), `${[...kept, ...lines].join('\n')}\n`);
  if (lockfile !== undefined) await writeFile(join(recipeFolder, 'recipe.lock.json'), lockfile);
  return recipeFolder;
}

interface Failure {
  readonly exitCode: number;
  readonly code: string;
  readonly message: string;
  readonly place: string;
  readonly hint: string;
  readonly standardError: string;
}

interface FaultJson {
  readonly code: string;
  readonly message: string;
  readonly place?: { readonly file: string; readonly line?: number; readonly column?: number };
  readonly hint?: string;
  readonly faults?: readonly FaultJson[];
}

/** Runs a command that must fail; of several faults the first is looked at. */
async function failure(...commandArguments: string[]): Promise<Failure> {
  const { exitCode, stdout, stderr } = await keelson([...commandArguments, '--json'], { folder });
  const lines = stdout.trim().split('\n');
  for (const line of lines) JSON.parse(line);
  const last = JSON.parse(lines.at(-1) ?? '') as FaultJson & { type: string };
  expect(last.type).toBe('failed');
  const fault = last.faults?.[0] ?? last;
  const { file = '', line, column } = fault.place ?? {};
  return {
    exitCode,
    code: fault.code,
    message: fault.message,
    place: [file.replace(`${folder}/`, ''), line, column].filter((part) => part !== undefined).join(':'),
    hint: fault.hint ?? '',
    standardError: stderr,
  };
}

jest.setTimeout(120_000);

describe('what is wrong is told with a code, a place and a hint', () => {
  test('a recipe that does not exist', async () => {
    const told = await failure('build', 'minimall');
    expect(told).toMatchObject({
      exitCode: 2,
      code: 'RECIPE_UNKNOWN',
      message: 'Cannot find the recipe "minimall"',
    });
    expect(told.hint).toContain('minimal');
  });

  test('a recipe whose version is not one', async () => {
    const recipe = await writeRecipe('odd-version', ['version: "1.0"']);
    expect(await failure('build', recipe)).toMatchObject({
      exitCode: 2,
      code: 'RECIPE_VERSION_INVALID',
      place: 'odd-version/recipe.yaml:4:10',
    });
  });

  test('a recipe of a later format', async () => {
    const recipe = await writeRecipe('later', ['format: 99']);
    expect(await failure('build', recipe)).toMatchObject({
      code: 'RECIPE_FORMAT_UNSUPPORTED',
      place: 'later/recipe.yaml:5:9',
    });
  });

  test('several faults are told together', async () => {
    const recipe = await writeRecipe('several', [
      'hostnam: x',
      'services: [sssh]',
      'users: [{ name: root }]',
    ]);
    const { exitCode, stderr } = await keelson(['check', recipe], { folder });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('hostnam');
    expect(stderr).toContain('sssh');
    expect(stderr).toMatch(/recipe\.yaml:5:1\b/);
  });

  test('a recipe that was never locked', async () => {
    const recipe = await writeRecipe('unlocked', []);
    const told = await failure('build', recipe);
    expect(told).toMatchObject({ exitCode: 2, code: 'LOCKFILE_MISSING' });
    expect(told.hint).toContain('keelson lock');
  });

  test('a lockfile that cannot be read', async () => {
    const recipe = await writeRecipe('torn', [], '{ "format": 1,');
    const told = await failure('build', recipe);
    expect(told).toMatchObject({ exitCode: 2, code: 'LOCKFILE_UNREADABLE' });
    expect(told.place).toContain('torn/recipe.lock.json:1');
  });

  test('a lockfile of a later format', async () => {
    const recipe = await writeRecipe('later-lock', [], '{ "format": 99 }');
    expect(await failure('build', recipe)).toMatchObject({ code: 'LOCKFILE_FORMAT_UNSUPPORTED' });
  });

  test('a recipe that was changed after it was locked', async () => {
    const lockfile = await readFile(minimalLock, 'utf8');
    const recipe = await writeRecipe('changed', ['services: [missing-from-lock]'], lockfile);
    const service = join(recipe, 'system-services/missing-from-lock');
    await mkdir(service, { recursive: true });
    const text = [
      'name: missing-from-lock',
      'description: x',
      'packages: [figlet]',
      'command: [/usr/bin/figlet]',
    ];
    await writeFile(join(service, 'service.yaml'), `${text.join('\n')}\nfiles: [/usr/bin/figlet]\n`);
    expect(await failure('build', recipe)).toMatchObject({ exitCode: 2, code: 'LOCKFILE_OUTDATED' });
    expect(await failure('lock', recipe, '--check')).toMatchObject({
      exitCode: 2,
      code: 'LOCKFILE_OUTDATED',
    });
  });

  test('a disk that is smaller than its partitions', async () => {
    const recipe = await writeRecipe(
      'small-disk',
      ['disk: { size: 64MiB, slotSize: 64MiB }'],
      await readFile(minimalLock, 'utf8'),
    );
    expect(await failure('build', recipe)).toMatchObject({ exitCode: 2, code: 'DISK_TOO_SMALL' });
  });

  test('a slot that is smaller than the root', async () => {
    const recipe = await writeRecipe(
      'small-slot',
      ['disk: { slotSize: 32MiB }'],
      await readFile(minimalLock, 'utf8'),
    );
    const told = await failure('build', recipe);
    expect(told).toMatchObject({ exitCode: 2, code: 'SLOT_TOO_SMALL' });
    expect(told.hint).toContain('slotSize');
  });

  test('an output folder that cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    expect(await failure('build', 'minimal', '--out', join(folder, 'file/out'))).toMatchObject({
      exitCode: 4,
      code: 'OUTPUT_NOT_WRITABLE',
    });
  });

  test('a package whose bytes are not those of the lockfile', async () => {
    const recipe = join(folder, 'wrong-digest');
    await cp(join(repositoryFolder, 'recipes/minimal'), recipe, { recursive: true });
    const lockfile = await readFile(minimalLock, 'utf8');
    const wrong = lockfile.replace(/("sha256":\s*")[0-9a-f]{64}/, `$1${'0'.repeat(64)}`);
    expect(wrong).not.toBe(lockfile);
    await writeFile(join(recipe, 'recipe.lock.json'), wrong);
    const told = await failure('build', recipe);
    expect(told).toMatchObject({ exitCode: 5, code: 'DIGEST_MISMATCH' });
    expect(told.standardError).toMatch(/_(amd64|all)\.deb/);
  });

  test('an argument that is missing', async () => {
    expect((await keelson(['build'])).exitCode).toBe(2);
    expect((await keelson(['no-such-command'])).exitCode).toBe(2);
  });
});

describe('what only locking can find', () => {
  test('a package that does not exist', async () => {
    const recipe = await writeRecipe('no-package', ['services: [mine]']);
    const service = join(recipe, 'system-services/mine');
    await mkdir(service, { recursive: true });
    await writeFile(
      join(service, 'service.yaml'),
      'name: mine\ndescription: x\npackages: [no-such-package-anywhere]\nfiles: [/usr/bin/x]\ncommand: [/usr/bin/x]\n',
    );
    const told = await failure('lock', recipe);
    expect(told).toMatchObject({ exitCode: 2, code: 'PACKAGE_UNKNOWN' });
    expect(told.message).toContain('no-such-package-anywhere');
    expect(told.place).toContain('mine/service.yaml:3');
  });

  test('a file that its package does not have', async () => {
    const recipe = await writeRecipe('no-file', ['services: [mine]']);
    const service = join(recipe, 'system-services/mine');
    await mkdir(service, { recursive: true });
    const text = ['name: mine', 'description: x', 'packages: [busybox]', 'files: [/usr/bin/busyboxx]'];
    await writeFile(join(service, 'service.yaml'), `${text.join('\n')}\ncommand: [/usr/bin/busyboxx]\n`);
    const told = await failure('lock', recipe);
    expect(told).toMatchObject({ exitCode: 2, code: 'FILE_NOT_IN_PACKAGE' });
    expect(told.place).toContain('no-file/system-services/mine/service.yaml:4');
    expect(told.hint).toContain('/usr/bin/busybox');
  });
});
