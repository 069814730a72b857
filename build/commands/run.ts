import { resolve } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import { runMachine } from '../qemu/run-machine.ts';
import { buildRecipe } from './build.ts';
import { openRecipe } from './open-recipe.ts';
import { type ProfileOptions, withProfile } from './profile.ts';
import { type CommandContext, withSession } from './session.ts';

export interface RunOptions extends ProfileOptions {
  /** Memory of the machine. */
  readonly memoryMiB: number;
  /** Folder that keeps the machine's disk between runs; a fresh machine each time when left out. */
  readonly machine?: string;
  /** File with the public key that may log in; the user's own when left out. */
  readonly sshKey?: string;
}

/** `keelson run RECIPE`: builds it and boots it in QEMU with the terminal as its serial console. */
export async function runRunCommand(
  context: CommandContext,
  recipeName: string,
  options: RunOptions,
): Promise<number> {
  if (context.isJson) {
    throw new KeelsonError({
      code: 'JSON_UNSUPPORTED',
      class: 'unsupported',
      message: 'Cannot run a machine with --json: standard output is its console',
      hint: 'Leave out --json, or build with `keelson build RECIPE --json` and boot the disk yourself.',
    });
  }
  const { recipe, workshop, disk } = await withProfile(context, `run ${recipeName}`, options, (context) =>
    buildDisk(context, recipeName),
  );
  const services = recipe.services.flatMap(({ name, ports }) =>
    ports.filter(({ protocol }) => protocol === 'tcp').map(({ port }) => ({ name, port })),
  );
  return runMachine(workshop, {
    architecture: recipe.architecture,
    diskPath: disk.path,
    memoryMiB: options.memoryMiB,
    services,
    ...(options.machine === undefined ? {} : { folder: resolve(context.workingFolder, options.machine) }),
    ...(options.sshKey === undefined
      ? {}
      : { publicKeyFile: resolve(context.workingFolder, options.sshKey) }),
    writeLine: context.writeError,
  });
}

async function buildDisk(context: CommandContext, recipeName: string) {
  const recipe = await openRecipe(context, recipeName);
  return withSession(context, async (session) => {
    const report = await buildRecipe(context, session, recipe, {});
    const disk = report.artefacts.find((artefact) => artefact.part === 'disk' && artefact.format === 'raw');
    if (disk === undefined) {
      throw new KeelsonError({
        code: 'OUTPUT_MISSING',
        class: 'input',
        message: `Cannot run ${recipeName}: it makes no raw disk`,
        hint: 'add `raw` to `outputs` in the recipe',
      });
    }
    return { recipe, workshop: session.workshop, disk };
  });
}
