import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { bundleProgram, listPrograms } from './bundle-program.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'programs-'));
  await mkdir(join(folder, 'shared'));
  await writeFile(
    join(folder, 'shared', 'greet.ts'),
    'export const greet = (name: string) => "Hi " + name;\n',
  );
  await writeFile(join(folder, 'shared', 'unused.ts'), 'export const unused = 1;\n');
  await mkdir(join(folder, 'hello'));
  await writeFile(
    join(folder, 'hello', 'main.ts'),
    "import * as std from 'std';\nimport { greet } from '../shared/greet.ts';\nstd.out.puts(greet('you'));\n",
  );
});
afterEach(() => rm(folder, { recursive: true }));

describe('bundleProgram', () => {
  test('one file for QuickJS', async () => {
    const content = await bundleProgram('hello', folder);
    expect((await content.read()).toString()).toMatchInlineSnapshot(`
"#!/usr/bin/qjs -m

// hello/main.ts
import * as std from "std";

// shared/greet.ts
var greet = (name) => "Hi " + name;

// hello/main.ts
std.out.puts(greet("you"));
"
`);
  });

  test('only folders with a main.ts are programs', async () => {
    expect(await listPrograms(folder)).toEqual(['hello']);
  });

  test('an unknown program', async () => {
    await expect(bundleProgram('helo', folder)).rejects.toMatchObject({
      code: 'PROGRAM_UNKNOWN',
      message: 'Cannot find the device program "helo"',
      hint: 'did you mean "hello"?',
    });
  });

  test('a program that imports what no machine has', async () => {
    await writeFile(join(folder, 'hello', 'main.ts'), "import 'node:fs';\n");
    await expect(bundleProgram('hello', folder)).rejects.toMatchObject({
      code: 'PROGRAM_INVALID',
      message: 'Cannot bundle the device program "hello": Could not resolve "node:fs"',
      place: { file: 'hello/main.ts', line: 1, column: 8, sourceLine: "import 'node:fs';" },
    });
  });
});
