import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { moduleDigest, relativeImports } from './module-digest.ts';

/** A folder with two modules: `steps/step.ts` imports `shared/deep.ts`. */
async function makeModules(deep = 'export const deep = 1;'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'modules-'));
  for (const name of ['steps', 'shared']) await mkdir(join(folder, name));
  await writeFile(join(folder, 'steps/step.ts'), "import { deep } from '../shared/deep.ts';\n");
  await writeFile(join(folder, 'shared/deep.ts'), deep);
  return folder;
}

const digest = (folder: string) => moduleDigest(pathToFileURL(join(folder, 'steps/step.ts')).href);

describe('module digest', () => {
  test('the folder in which the code lies does not matter', async () => {
    const folder = await makeModules();
    const copy = await mkdtemp(join(tmpdir(), 'copy-'));
    await cp(folder, copy, { recursive: true });
    expect(await digest(copy)).toBe(await digest(folder));
  });

  test('a change in a module that is only imported by another changes it', async () => {
    expect(await digest(await makeModules('export const deep = 2;'))).not.toBe(
      await digest(await makeModules()),
    );
  });

  test('modules that import each other come to an end', async () => {
    const folder = await makeModules("import '../steps/step.ts';");
    expect(await digest(folder)).toMatch(/^[0-9a-f]{64}$/);
  });

  test('imports of types and of packages, and those in comments, do not count', () => {
    const text = [
      "import type { A } from './a.ts';",
      "import { b } from './b.ts';",
      'import {',
      '  c,',
      "} from '../c.ts';",
      "export { d } from './d.ts';",
      "export type { E } from './e.ts';",
      "import './f.ts';",
      "import { readFile } from 'node:fs/promises';",
      "const g = await import('./g.ts');",
      "export const folder = new URL('../folder', import.meta.url);",
      "// import('./h.ts')",
      " * import('./i.ts')",
    ].join('\n');
    expect(relativeImports(text)).toEqual(['../c.ts', './b.ts', './d.ts', './f.ts', './g.ts']);
  });
});
