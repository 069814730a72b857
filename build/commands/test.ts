import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { brokenCheck, brokenReason, type Trial, tryRecipe } from '../../qemu-tests/support/try-recipe.ts';
import { interruptWaits } from '../../qemu-tests/support/wait-for.ts';
import { nextVersion } from '../contract/release-version.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { EventSink } from '../events/build-event.ts';
import { lockfilePath } from '../lock/lockfile-io.ts';
import { jsonListener } from '../pipeline/listeners/json-listener.ts';
import { plainListener } from '../pipeline/listeners/plain-listener.ts';
import { bundleStages } from '../pipeline/stages.ts';
import { loadRecipe } from '../recipe/load-recipe.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { wantsTrust } from '../rootfs/trust-files.ts';
import { buildRecipe } from './build.ts';
import { bundleRecipe } from './bundle.ts';
import { type CommandContext, withSession } from './session.ts';

export interface TestOptions {
  readonly memoryMiB: number;
  /** The machine's disk stays, and its logs. */
  readonly keep?: boolean;
}

/**
 * `keelson test RECIPE`: a machine of the recipe goes through boot, restart, power cut, update, a release that is not well, and
 * the way back. What a release with trouble would do to machines in the field shows here.
 */
export async function runTestCommand(
  context: CommandContext,
  recipeName: string,
  options: TestOptions,
): Promise<void> {
  const recipe = await loadRecipe({
    name: recipeName,
    repositoryFolder: context.repositoryFolder,
    workingFolder: context.workingFolder,
  });
  refuseUnreachable(recipe);
  const folder = resolve(context.workingFolder, `out/${recipe.name}/test`);
  const { signal } = context.host;
  const interrupt = (): void => interruptWaits(signal.reason as Error);
  signal.addEventListener('abort', interrupt);
  const forget = () => rm(folder, { recursive: true, force: true });
  await forget();
  try {
    await testRecipe(context, recipe, folder, options);
    if (options.keep !== true) await forget();
  } catch (error) {
    if (signal.aborted) await forget();
    throw error;
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

async function testRecipe(
  context: CommandContext,
  recipe: Recipe,
  folder: string,
  options: TestOptions,
): Promise<void> {
  await mkdir(join(folder, 'www'), { recursive: true });
  const { workshop, build } = await withSession(context, async (session) => ({
    workshop: session.workshop,
    build: await buildRecipe(context, session, recipe, { out: join(folder, 'image') }),
  }));
  const hasUpdates = wantsTrust(recipe);
  const emit = context.isJson ? jsonListener(context.writeOut) : plainListener(context.writeOut);
  if (!hasUpdates) {
    emit({
      type: 'note',
      message: `${recipe.name} has no service that installs updates: update and return are left out`,
    });
  }
  const next = nextVersion(recipe.version, 1);
  const broken = nextVersion(recipe.version, 2);
  const trial = tryRecipe({
    workshop: { ...workshop, emit: () => {} },
    architecture: recipe.architecture,
    version: recipe.version,
    build,
    folder,
    memoryMiB: options.memoryMiB,
    isKept: options.keep === true,
    ...(hasUpdates
      ? {
          releases: {
            next,
            makeNext: () => makeBundle(context, recipe.folder, next, folder),
            broken,
            makeBroken: (deadlineSeconds) => makeBroken(context, recipe, broken, deadlineSeconds, folder),
          },
        }
      : {}),
  });
  try {
    await takeSteps(context, trial, emit);
  } finally {
    await trial.dispose();
  }
  tellEnd(context, recipe, trial, options.keep === true ? join(folder, 'machine') : undefined);
}

/** The first sentence that does not come true ends it. */
async function takeSteps(context: CommandContext, trial: Trial, emit: EventSink): Promise<void> {
  for (const [index, { sentence, run }] of trial.steps.entries()) {
    const number = index + 1;
    const startedAt = context.host.now();
    const tell = (isTrue: boolean): void => {
      const seconds = (context.host.now() - startedAt) / 1000;
      emit({ type: 'test-step', number, sentence, isTrue, seconds });
    };
    try {
      await run();
    } catch (cause) {
      if (context.host.signal.aborted) throw cause;
      tell(false);
      const logs = await trial.collectLogs();
      throw new KeelsonError({
        code: 'TEST_FAILED',
        class: 'input',
        message: `Cannot confirm that ${sentence}: ${(cause as Error).message}`,
        hint: `Read on in:\n${logs.map((path) => `  ${path}`).join('\n')}`,
        cause,
      });
    }
    tell(true);
  }
}

function tellEnd(context: CommandContext, recipe: Recipe, { steps }: Trial, kept: string | undefined): void {
  if (context.isJson) {
    context.writeOut(
      JSON.stringify({
        type: 'test-finished',
        recipe: recipe.name,
        version: recipe.version,
        steps: steps.length,
        ...(kept === undefined ? {} : { machine: kept }),
      }),
    );
    return;
  }
  context.writeOut(`${recipe.name} ${recipe.version}: all ${steps.length} came true`);
  if (kept !== undefined) context.writeOut(`  the machine is kept in ${kept}`);
}

function makeBundle(context: CommandContext, recipe: string, version: string, out: string): Promise<string> {
  return withSession(
    { ...context, hasTerminal: false },
    async (session) => (await bundleRecipe(context, session, recipe, { version, out })).path,
    bundleStages,
  );
}

/** The recipe once more with a health check of its own that fails; nothing that has to be locked changes. */
async function makeBroken(
  context: CommandContext,
  recipe: Recipe,
  version: string,
  deadlineSeconds: number,
  out: string,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'keelson-broken-'));
  const file = (path: string, content: string) => ({ path, content, mode: '0755' });
  const broken = {
    name: recipe.name,
    version,
    description: 'What a machine must try and leave',
    extends: recipe.folder,
    files: [
      file(`/etc/keelson/health.d/${brokenCheck}`, `#!/bin/sh\necho '${brokenReason}'\nexit 1\n`),
      file('/etc/keelson/health-gate.json', `${JSON.stringify({ deadlineSeconds })}\n`),
    ],
  };
  try {
    // JSON is YAML.
    await writeFile(join(folder, 'recipe.yaml'), JSON.stringify(broken));
    await copyFile(lockfilePath(recipe), lockfilePath({ ...recipe, folder }));
    return await makeBundle(context, folder, version, out);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const sshPort = 22;

function refuseUnreachable(recipe: Recipe): void {
  const isReachable = recipe.services.some(({ ports }) =>
    ports.some(({ port, protocol }) => port === sshPort && protocol === 'tcp'),
  );
  if (isReachable) return;
  throw new KeelsonError({
    code: 'TEST_UNREACHABLE',
    class: 'unsupported',
    message: `Cannot test ${recipe.name}: none of its services listens on port ${sshPort}, through which the machine is looked at`,
    hint: 'Test a recipe that extends this one and adds the service sshd.',
  });
}
