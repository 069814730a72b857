import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { readAtOnce } from '../host/read-at-once.ts';
import { digestOf } from '../store/canonical-json.ts';
import { moduleDigest } from '../store/module-digest.ts';
import type { Store } from '../store/store.ts';
import { errorCode } from '../store/store-error.ts';
import { bundleProgram, bundleProgramModule, nodeModules, programsFolder } from './bundle-program.ts';
import { bytesOfFile } from './byte-source.ts';
import type { ByteSource } from './tree.ts';

const bundleFile = 'program.js';

/** What esbuild looks at beside the sources: how the repository's modules are to be taken, and which libraries npm installed. */
const surroundings = ['package.json', 'node_modules/.package-lock.json'].map((path) =>
  fileURLToPath(new URL(`../../${path}`, import.meta.url)),
);

/**
 * Gives device programs as one JavaScript file each: a step of the store, whose inputs are the program's sources and the libraries
 * by npm's digests. Throws what `bundleProgram` throws.
 */
export function makeProgramBundler(
  { store }: { readonly store: Store },
  folder = programsFolder,
): (name: string) => Promise<ByteSource> {
  const bundled = new Map<string, Promise<ByteSource>>();
  return (name) => {
    const known = bundled.get(name) ?? bundleOnce(store, name, folder);
    bundled.set(name, known);
    return known;
  };
}

async function bundleOnce(store: Store, name: string, folder: string): Promise<ByteSource> {
  const inputs = describeInputs(name, folder);
  if (inputs === undefined) return bundleProgram(name, folder);
  const step = await store.step(
    { title: `bundle program ${name}`, moduleUrl: bundleProgramModule, inputs },
    async (output) => {
      const content = await bundleProgram(name, folder);
      await writeFile(join(output, bundleFile), await content.read());
    },
  );
  return bytesOfFile(join(step.folder, bundleFile));
}

/**
 * `undefined` when a file of it is missing: the bundler says best which and where. Without npm's record of what it installed nothing
 * is known of the libraries, and nothing is kept.
 */
function describeInputs(name: string, folder: string) {
  try {
    const sources = [join(folder, name, 'main.ts'), ...Object.values(nodeModules)];
    return {
      name,
      sources: sources.map((path) => moduleDigest(pathToFileURL(path).href)),
      surroundings: surroundings.map((path) => digestOf(readAtOnce(path))),
    };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
