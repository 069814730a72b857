import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildOptions, Message } from 'esbuild';
import { KeelsonError } from '../errors/keelson-error.ts';
import { suggestName } from '../errors/nearest-name.ts';
import { bytesOf } from './byte-source.ts';
import type { ByteSource } from './tree.ts';

/** For the id of the step. */
export const bundleProgramModule = import.meta.url;

export const programsFolder = fileURLToPath(new URL('../../rootfs/programs', import.meta.url));

const shims = join(programsFolder, 'shared/tuf/shims');

/** Modules of Node that libraries in device programs ask for, and what they get instead. */
export const nodeModules = {
  crypto: join(shims, 'crypto.ts'),
  util: join(shims, 'util.ts'),
  minimatch: join(shims, 'minimatch.ts'),
};

/** `-m`: the file is a module whatever its first line looks like; `std` and `os` are imported, so no `--std`. */
const banner = '#!/usr/bin/qjs -m';

/** Names of all device programs, sorted: the folders that have a `main.ts`. */
export async function listPrograms(folder = programsFolder): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true });
  return entries
    .map((path) => /^([a-z0-9-]+)\/main\.ts$/.exec(path)?.[1])
    .filter((name) => name !== undefined)
    .sort();
}

/** How everything that runs on QuickJS is bundled; its tests bundle in the same way. */
export const deviceBundling = {
  bundle: true,
  format: 'esm',
  target: 'es2023',
  platform: 'neutral',
  mainFields: ['browser', 'module', 'main'],
  conditions: ['browser', 'import', 'default'],
  external: ['std', 'os'],
  alias: nodeModules,
  charset: 'utf8',
  legalComments: 'none',
  treeShaking: true,
  // QuickJS reads the whole text at each start: half of it takes half of the time.
  minify: true,
  // Comments name the files; they must not say where this computer keeps its libraries.
  preserveSymlinks: true,
  // Nothing outside of the folder may change the bytes.
  tsconfigRaw: {},
} as const satisfies BuildOptions;

/**
 * A device program and all it imports as one JavaScript file that QuickJS runs. Libraries come as for a browser, the only
 * platform without Node's modules that they know. Throws PROGRAM_UNKNOWN, PROGRAM_INVALID.
 */
export async function bundleProgram(name: string, folder = programsFolder): Promise<ByteSource> {
  const names = await listPrograms(folder);
  if (!names.includes(name)) {
    throw new KeelsonError({
      code: 'PROGRAM_UNKNOWN',
      class: 'input',
      message: `Cannot find the device program "${name}"`,
      hint: suggestName(name, names, 'programs'),
    });
  }
  const { build } = await import('esbuild');
  const built = await build({
    ...deviceBundling,
    entryPoints: [join(folder, name, 'main.ts')],
    absWorkingDir: folder,
    write: false,
    banner: { js: banner },
    logLevel: 'silent',
  }).catch((cause: { readonly errors?: readonly Message[] }) => {
    throw programInvalid(name, cause);
  });
  return bytesOf(Buffer.from((built.outputFiles[0] as { contents: Uint8Array }).contents));
}

function programInvalid(name: string, cause: { readonly errors?: readonly Message[] }): KeelsonError {
  const first = cause.errors?.[0];
  const location = first?.location ?? undefined;
  return new KeelsonError({
    code: 'PROGRAM_INVALID',
    class: 'input',
    message: `Cannot bundle the device program "${name}": ${first?.text ?? String(cause)}`,
    ...(location === undefined
      ? {}
      : {
          place: {
            file: location.file,
            line: location.line,
            column: location.column + 1,
            sourceLine: location.lineText,
          },
        }),
    hint: 'correct the program; only rootfs/programs/device.ts may import std and os',
    cause,
  });
}
