import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { parse } from 'yaml';
import { deviceBundling, programsFolder } from '../rootfs/bundle-program.ts';

interface Filled {
  readonly files?: readonly (string | { readonly path: string; readonly program?: string })[];
}

const read = (path: string): Filled => parse(readFileSync(path, 'utf8')) as Filled;
const services = readdirSync('system-services').filter((name) => !name.includes('.'));

/** What a device program runs by a bare name, written in place; what no import reaches has fallen out. */
async function commandsOf(program: string): Promise<readonly string[]> {
  const built = await build({
    ...deviceBundling,
    minify: false,
    minifySyntax: true,
    entryPoints: [`${programsFolder}/${program}/main.ts`],
    write: false,
  });
  const text = built.outputFiles[0]?.text ?? '';
  const words = [...text.matchAll(/\.run(?:Attached)?\(\[\s*"([^"/]+)"/g)];
  return words.map(([, name = '']) => name);
}

/** `repair` is what the machine itself calls, never the container. */
const neverCalled = { update: ['boot-backend runs exch', 'boot-backend runs mkdosfs'] } as Readonly<
  Record<string, readonly string[]>
>;

/** Those that the files do not have on the path. */
async function missing(filled: readonly Filled[]): Promise<readonly string[]> {
  const files = filled.flatMap(({ files = [] }) => files);
  const paths = new Set(files.map((file) => (typeof file === 'string' ? file : file.path)));
  const programs = files.flatMap((file) => (typeof file === 'string' ? [] : (file.program ?? [])));
  const found = await Promise.all(
    programs.map(async (program) =>
      (await commandsOf(program))
        .filter((name) => !['bin', 'sbin'].some((folder) => paths.has(`/usr/${folder}/${name}`)))
        .map((name) => `${program} runs ${name}`),
    ),
  );
  return [...new Set(found.flat())].sort();
}

// A command that is not there answers 127, and a program takes that for an answer: the agent for updates did not hear of any container, because its service had no `timeout`.
describe('what device programs run by name is there', () => {
  test.each(services)('in the service %s', async (name) => {
    expect(await missing([read(`system-services/${name}/service.yaml`)])).toEqual(neverCalled[name] ?? []);
  });

  test('on the machine', async () => {
    const layers = ['base', 'operator', 'updates'];
    expect(await missing(layers.map((name) => read(`rootfs/layers/${name}/layer.yaml`)))).toEqual([]);
  });
});
