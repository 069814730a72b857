import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { createBuildHost } from '../host/node-host.ts';
import { moduleSources } from '../store/module-digest.ts';
import { openStore, removeTree } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import {
  bundleProgram,
  deviceBundling,
  listPrograms,
  nodeModules,
  programsFolder,
} from './bundle-program.ts';
import { makeProgramBundler } from './program-bundler.ts';

let root: string;
let ran: string[];
let store: Store;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bundler-'));
  ran = [];
  store = await openStore({
    root: join(root, 'store'),
    host: createBuildHost(),
    emit: (event) => {
      if (event.type === 'step-finished') ran.push(`${event.title}: ${event.isCached ? 'hit' : 'ran'}`);
    },
  });
});
afterEach(async () => {
  await removeTree(join(root, 'store'));
  await rm(root, { recursive: true });
});

/** A folder of programs with one that says `word`; each has its own, as sources are read once in a process. */
async function makePrograms(name: string, word: string): Promise<string> {
  const folder = join(root, name);
  await mkdir(join(folder, 'hello'), { recursive: true });
  await writeFile(join(folder, 'word.ts'), `export const word: string = '${word}';\n`);
  await writeFile(
    join(folder, 'hello/main.ts'),
    "import * as std from 'std';\nimport { word } from '../word.ts';\nstd.out.puts(word);\n",
  );
  return folder;
}

const bundled = async (folder: string) =>
  (await (await makeProgramBundler({ store }, folder)('hello')).read()).toString();

describe('device programs in the store', () => {
  test('the same sources, wherever they lie, are bundled once; others anew', async () => {
    const first = await bundled(await makePrograms('one', 'hi'));
    expect(first).toContain('"hi"');
    expect(await bundled(await makePrograms('two', 'hi'))).toBe(first);
    expect(await bundled(await makePrograms('three', 'ho'))).toContain('"ho"');
    expect(ran).toEqual([
      'bundle program hello: ran',
      'bundle program hello: hit',
      'bundle program hello: ran',
    ]);
  });

  test('what the store has is what the bundler gives', async () => {
    const folder = await makePrograms('one', 'hi');
    await bundled(folder);
    expect(await bundled(folder)).toBe((await (await bundleProgram('hello', folder)).read()).toString());
  });

  test('a program that is not there, or imports what is not there, is told by the bundler', async () => {
    const folder = await makePrograms('one', 'hi');
    await expect(makeProgramBundler({ store }, folder)('helo')).rejects.toMatchObject({
      code: 'PROGRAM_UNKNOWN',
    });
    await rm(join(folder, 'word.ts'));
    await expect(makeProgramBundler({ store }, folder)('hello')).rejects.toMatchObject({
      code: 'PROGRAM_INVALID',
      place: { file: 'hello/main.ts', line: 2 },
    });
  });

  test('nothing goes into a program but sources that are counted and libraries', async () => {
    const shims = Object.values(nodeModules);
    for (const name of await listPrograms()) {
      const main = join(programsFolder, name, 'main.ts');
      const { metafile } = await build({
        ...deviceBundling,
        entryPoints: [main],
        absWorkingDir: programsFolder,
        write: false,
        metafile: true,
      });
      const counted = new Set<string>();
      for (const start of [main, ...shims]) {
        for (const path of moduleSources(start).keys()) counted.add(path);
      }
      const uncounted = Object.keys(metafile.inputs)
        .map((path) => resolve(programsFolder, path))
        .filter((path) => !path.includes('/node_modules/') && !counted.has(path));
      expect(uncounted.map((path) => `${name}: ${relative(programsFolder, path)}`)).toEqual([]);
    }
  });
});
