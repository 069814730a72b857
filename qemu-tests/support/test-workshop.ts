import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { OutputArtefact } from '../../build/contract/output-artefact.ts';
import { createBuildHost } from '../../build/host/node-host.ts';
import { defaultStoreRoot, openStore } from '../../build/store/open-store.ts';
import { createToolsOpener } from '../../build/tools/open-tools.ts';
import type { Workshop } from '../../build/tools/workshop.ts';

export const repositoryFolder = resolve(import.meta.dirname, '../..');

/** Everything that machine tests leave behind. */
export const testOutputFolder = join(repositoryFolder, 'out/qemu-tests');

/** Machines are kept after the tests, with their disks. */
export const isKept = process.env.KEELSON_KEEP === '1';

/** The computer's own store and tools, as every command has them. */
export async function openTestWorkshop(signal = new AbortController().signal): Promise<Workshop> {
  const host = createBuildHost({ signal });
  const emit = (): void => {};
  const root = defaultStoreRoot(host);
  await mkdir(root, { recursive: true });
  const store = await openStore({ root, host, emit });
  return { host, store, emit, openTools: createToolsOpener({ host, store, emit }) };
}

/** The last line of `keelson build --json`. */
export interface BuildReport {
  readonly rootHash: string;
  readonly artefacts: readonly OutputArtefact[];
  readonly seconds: number;
  readonly cachedSteps: number;
  readonly ranSteps: number;
}

export interface KeelsonResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `./keelson` as a user would. */
export async function keelson(
  commandArguments: readonly string[],
  options: { readonly folder?: string; readonly environment?: Readonly<Record<string, string>> } = {},
): Promise<KeelsonResult> {
  const launcher = join(repositoryFolder, 'keelson');
  const settings = {
    cwd: options.folder ?? repositoryFolder,
    env: { ...process.env, ...options.environment },
    maxBuffer: 64 * 1024 * 1024,
  };
  try {
    const result = await promisify(execFile)(launcher, commandArguments, settings);
    return { exitCode: 0, ...result };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string };
    return { exitCode: typeof code === 'number' ? code : 1, stdout, stderr };
  }
}

/** A command that must succeed, with the tests' own development keys; its last line of JSON. */
export async function runKeelson(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>> {
  const done = await keelson([...words, '--json'], {
    environment: { ...testKeysEnvironment, ...environment },
  });
  if (done.exitCode !== 0) throw new Error(`keelson ${words.join(' ')}: ${done.stderr || done.stdout}`);
  return JSON.parse(done.stdout.trim().split('\n').at(-1) || '{}');
}

/** Development keys of the tests' own. */
export const testKeysEnvironment = { XDG_CONFIG_HOME: join(testOutputFolder, 'config') } as const;

/** Keys that are not the tests' development keys. */
export interface SigningKeys {
  readonly folder: string;
  /** For a command that signs with them, or has images trust them. */
  readonly options: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Builds a recipe (a name, or a folder) by the real command. */
export async function buildRecipe(
  recipe: string,
  outputFolder: string,
  buildOptions: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<BuildReport> {
  const result = await keelson(['build', recipe, '--out', outputFolder, '--json', ...buildOptions], {
    environment: { ...testKeysEnvironment, ...environment },
  });
  const last = result.stdout.trim().split('\n').at(-1) ?? '';
  if (result.exitCode !== 0) throw new Error(`keelson build ${recipe} failed:\n${result.stderr || last}`);
  return JSON.parse(last) as BuildReport;
}

export function artefactOf(report: BuildReport, part: string, format?: string): OutputArtefact {
  const found = report.artefacts.find(
    (artefact) => artefact.part === part && (format === undefined || artefact.format === format),
  );
  if (found === undefined) throw new Error(`the build made no artefact ${part} ${format ?? ''}`);
  return found;
}
