import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { LockedPackage } from '../debian/package.ts';
import { outputFormatNames, type Recipe } from '../recipe/recipe.ts';
import { bytesOf } from '../rootfs/byte-source.ts';
import { processMark } from '../store/process-mark.ts';
import { asOutputError } from './output-error.ts';
import { openOutputFolder } from './output-folder.ts';
import { outputFormats } from './output-format.ts';
import { placeFiles } from './place-files.ts';
import { writeSoftwareBill } from './software-bill.ts';

let folder = '';
const signal = new AbortController().signal;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'formats-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function finished(name: string, text: string) {
  const path = join(folder, `store-${name}`);
  await writeFile(path, text);
  const { sha256, sizeBytes } = bytesOf(text);
  return { name, path, sha256, sizeBytes };
}

describe('placing outputs', () => {
  test('writes files whole and leaves nothing else', async () => {
    const out = join(folder, 'new/out');
    await placeFiles(out, [await finished('a', 'one'), await finished('b', 'two')], '.stamps.json', signal);
    expect((await readdir(out)).sort()).toEqual(['.stamps.json', 'a', 'b']);
    expect(await readFile(join(out, 'b'), 'utf8')).toBe('two');
    expect((await stat(join(out, 'a'))).mode & 0o777).toBe(0o644);
  });

  test('does not touch what is there already, and mends what was changed', async () => {
    const files = [await finished('a', 'one'), await finished('b', 'two')];
    await placeFiles(folder, files, '.stamps.json', signal);
    const inode = async (name: string) => (await stat(join(folder, name))).ino;
    const before = [await inode('a'), await inode('b')];
    await placeFiles(folder, files, '.stamps.json', signal);
    expect([await inode('a'), await inode('b')]).toEqual(before);

    await writeFile(join(folder, 'b'), 'changed by hand');
    await placeFiles(folder, files, '.stamps.json', signal);
    expect(await inode('a')).toBe(before[0]);
    expect(await readFile(join(folder, 'b'), 'utf8')).toBe('two');
  });

  test('a damaged stamp file only costs time', async () => {
    await writeFile(join(folder, '.stamps.json'), '{ not json');
    await placeFiles(folder, [await finished('a', 'one')], '.stamps.json', signal);
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('one');
  });

  test('nothing half-written stays after an interruption', async () => {
    const placing = placeFiles(
      folder,
      [await finished('a', 'one')],
      '.s',
      AbortSignal.abort(new Error('interrupted')),
    );
    await expect(placing).rejects.toThrow('interrupted');
    expect(await readdir(folder)).toEqual(['store-a']);
  });

  test('what a killed build left behind is removed, what others are writing is not', async () => {
    const [pid, start, namespace] = processMark().split('-');
    const living = `.keelson-${pid}-${start}-${namespace}-abcdef`;
    const dead = `.keelson-${pid}-1-${namespace}-abcdef`;
    for (const name of [living, dead, '.keelson-mine']) await mkdir(join(folder, name));
    await openOutputFolder(folder);
    expect((await readdir(folder)).sort()).toEqual([living, '.keelson-mine'].sort());
  });

  test('a folder in the place of a file', async () => {
    await mkdir(join(folder, 'a', 'b'), { recursive: true });
    const file = await finished('a', 'one');
    await expect(placeFiles(folder, [file], '.s', signal)).rejects.toMatchObject({
      code: 'OUTPUT_NOT_WRITABLE',
      message: `Cannot write the outputs to ${folder}: a folder has the name of one of them`,
    });
  });

  test('a file in the place of the folder', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(placeFiles(join(folder, 'file'), [], '.s', signal)).rejects.toMatchObject({
      code: 'OUTPUT_NOT_WRITABLE',
      message: `Cannot write the outputs to ${join(folder, 'file')}: it is a file`,
      hint: 'Make room there, or name another folder with --out.',
    });
  });

  test.each([
    ['EACCES', 'you may not write there'],
    ['EROFS', 'it is on a read-only file system'],
    ['ENOENT', 'it cannot be made there'],
    ['ENOTDIR', 'a part of its path is a file'],
    ['ENOSPC', 'there is no space left'],
  ])('%s is told as: %s', (code, reason) => {
    expect(asOutputError('/out', Object.assign(new Error(), { code, syscall: 'mkdir' }))).toMatchObject({
      code: 'OUTPUT_NOT_WRITABLE',
      class: 'environment',
      message: `Cannot write the outputs to /out: ${reason}`,
    });
  });
});

test('every output format has its own extension', () => {
  const extensions = outputFormatNames.map((name) => outputFormats[name].extension);
  expect(new Set(extensions).size).toBe(outputFormatNames.length);
});

describe('software bill of materials', () => {
  const recipe = { name: 'minimal', version: '2026.11.1', suites: ['trixie'] } as unknown as Recipe;
  const locked = (name: string, version: string, path: string, suite = 'trixie') =>
    ({ name, version, suite, architecture: 'amd64', path, sha256: 'ab'.repeat(32) }) as LockedPackage;
  const crun = locked('crun', '1.21-1', 'pool/main/c/crun/crun_1.21-1_amd64.deb');
  const libc = locked('libc6', '1:2.41-12+deb13u4', 'pool/main/g/glibc/libc6.deb', 'trixie-security');

  test('names packages as scanners look for them, sorted, each once', () => {
    const bill = JSON.parse(writeSoftwareBill(recipe, 'cd'.repeat(32), [libc, crun, libc]));
    expect(bill.components.map(({ name, purl }: { name: string; purl?: string }) => purl ?? name)).toEqual([
      'debian',
      'pkg:deb/debian/crun@1.21-1?arch=amd64&distro=debian-13',
      'pkg:deb/debian/libc6@1%3A2.41-12%2Bdeb13u4?arch=amd64&distro=debian-13&upstream=glibc',
    ]);
  });

  test('names images that services are made of', () => {
    const image = {
      image: 'quay.io/org/web:1.0',
      digest: `sha256:${'ab'.repeat(32)}`,
      manifestSha256: '',
      manifestBytes: 1,
    };
    const bill = JSON.parse(writeSoftwareBill(recipe, 'cd'.repeat(32), [], [image]));
    expect(bill.components.at(-1)).toMatchObject({
      type: 'container',
      name: 'quay.io/org/web:1.0',
      version: image.digest,
      purl: `pkg:oci/web@sha256%3A${'ab'.repeat(32)}?repository_url=quay.io%2Forg%2Fweb`,
    });
  });

  test('has no time, and a serial number of its content', () => {
    const bill = writeSoftwareBill(recipe, 'cd'.repeat(32), [crun]);
    expect(bill).toBe(writeSoftwareBill(recipe, 'cd'.repeat(32), [crun]));
    expect(JSON.parse(bill).serialNumber).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
    expect(bill).not.toMatch(/timestamp/);
  });
});
