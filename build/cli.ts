import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { parseCount, profileOption } from './commands/option-values.ts';
import { registerKeys } from './commands/register-keys.ts';
import { registerReleases } from './commands/register-releases.ts';
import type { RunOptions } from './commands/run.ts';
import type { CommandContext } from './commands/session.ts';
import { exitCodes, KeelsonError } from './errors/keelson-error.ts';
import { errorToJson, exitCodeOf, renderError } from './errors/render-error.ts';
import { createBuildHost } from './host/node-host.ts';

/** Exit code of a command that the user interrupted: 128 + SIGINT, as shells have it. */
const interruptedExitCode = 130;

interface GlobalOptions {
  readonly json?: boolean;
  readonly mirror?: string;
}

const interruptedError = new KeelsonError({
  code: 'INTERRUPTED',
  class: 'environment',
  message: 'Interrupted; what was finished is in the store',
});
const interruption = new AbortController();
process.on('SIGINT', () => {
  if (interruption.signal.aborted) process.exit(interruptedExitCode);
  interruption.abort(interruptedError);
});
process.on('SIGTERM', () => interruption.abort(interruptedError));
// A reader that went away (`keelson … | head`) is no error of ours.
process.stdout.on('error', () => process.exit(0));

// Commands are imported when they are called, so that none pays for another's start.
const program = new Command('keelson')
  .description('Builds minimal, verified container-host operating systems from recipes.')
  .option('--json', 'machine-readable JSON lines on standard output')
  .option('--mirror <url>', 'folder of a Debian mirror that holds debian/ and debian-security/')
  .showHelpAfterError('(see keelson --help)')
  .exitOverride()
  .addHelpText(
    'after',
    `
Examples:
  keelson run minimal                  build the recipe and boot it here in QEMU
  keelson test minimal                 boot, update and break a machine of it, and see it recover
  keelson build minimal --out disks    write its disk and other artefacts to ./disks
  keelson lock minimal                 pin the newest packages of its Debian suites
  keelson show minimal                 sizes, packages, services and privileges
  keelson doctor                       what of this computer does not suit`,
  );

// `bundle` has a --version of its own, which this one would take.
if (process.argv[2] !== 'bundle') program.version('0.1.0');

program
  .command('run <recipe>')
  .description('build a recipe and boot it in QEMU; Ctrl-A X leaves')
  .option('--memory <MiB>', 'memory of the machine', parseCount, 1024)
  .option('--machine <folder>', 'keep the machine and its state in this folder between runs')
  .option('--ssh-key <file>', 'public key that may log in (default: your own, or a fresh one)')
  .option(...profileOption)
  .addHelpText(
    'after',
    '\nExamples:\n  keelson run minimal\n  keelson run minimal --machine /var/tmp/m1 --memory 2048',
  )
  .action(async (recipe: string, options: Omit<RunOptions, 'memoryMiB'> & { memory: number }) => {
    const { memory, ...rest } = options;
    process.exitCode = await (await import('./commands/run.ts')).runRunCommand(context(), recipe, {
      memoryMiB: memory,
      ...rest,
    });
  });

registerReleases(program, context);

program
  .command('test <recipe>')
  .description('try a machine of a recipe in QEMU: boot, power cut, update, and the return from a bad one')
  .option('--memory <MiB>', 'memory of the machine', parseCount, 512)
  .option('--keep', 'keep the machine and its logs in out/<recipe>/test')
  .option('--json', 'machine-readable JSON lines on standard output')
  .addHelpText(
    'after',
    `
On a busy computer KEELSON_PATIENCE=3 gives the machine three times as long.

Examples:
  keelson test minimal
  keelson test ./my-recipe --memory 1024 --keep`,
  )
  .action(async (recipe: string, options: { memory: number; keep?: boolean }) => {
    const { memory, ...rest } = options;
    await (await import('./commands/test.ts')).runTestCommand(context(), recipe, {
      memoryMiB: memory,
      ...rest,
    });
  });

program
  .command('lock <recipe>')
  .description("pin the recipe's packages in recipe.lock.json")
  .option('--check', 'only say whether the lockfile fits the recipe')
  .option('--json', 'machine-readable JSON lines on standard output')
  .addHelpText('after', '\nExamples:\n  keelson lock minimal\n  keelson lock minimal --check')
  .action(async (recipe: string, options: { check?: boolean }) => {
    await (await import('./commands/lock.ts')).runLockCommand(context(), recipe, options);
  });

program
  .command('check <recipe>')
  .description('find faults in a recipe and its services without fetching anything')
  .option('--json', 'machine-readable JSON lines on standard output')
  .addHelpText('after', '\nExamples:\n  keelson check minimal\n  keelson check ./my-recipe --json')
  .action(async (recipe: string) => (await import('./commands/check.ts')).runCheckCommand(context(), recipe));

program
  .command('show <subject>')
  .description('what is inside a recipe, a disk or an update bundle: sizes, packages, services, signers, …')
  .option('--size', 'where each megabyte of kernel image and root is, and what of it might go')
  .option('--html <file>', 'with --size: a map of it as one HTML file')
  .option('--json', 'machine-readable JSON lines on standard output')
  .addHelpText(
    'after',
    `
Examples:
  keelson show minimal
  keelson show minimal --size --html minimal.html
  keelson show out/minimal/*.raw --json`,
  )
  .action(async (subject: string, options: { size?: boolean; html?: string }) =>
    (await import('./commands/show.ts')).runShowCommand(context(), subject, options),
  );

const store = program
  .command('store')
  .description('what lies in the store of downloads and step outputs')
  .option('--json', 'machine-readable JSON lines on standard output')
  .addHelpText('after', '\nExamples:\n  keelson store\n  keelson store collect --days 7')
  .action(async () => (await import('./commands/store.ts')).runStoreCommand(context()));
store
  .command('collect')
  .description('remove what no build has used for a while')
  .option('--days <n>', 'keep what was used in the last so many days', parseCount, 30)
  .option('--json', 'machine-readable JSON lines on standard output')
  .addHelpText('after', '\nExamples:\n  keelson store collect\n  keelson store collect --days 7')
  .action(async (options: { days: number }) =>
    (await import('./commands/store.ts')).runCollectCommand(context(), options),
  );

registerKeys(program, context);

program
  .command('doctor')
  .description('what of this computer does not suit, and what to do')
  .option('--json', 'machine-readable JSON lines on standard output')
  .addHelpText('after', '\nExamples:\n  keelson doctor\n  keelson doctor --json')
  .action(async () => {
    process.exitCode = await (await import('./commands/doctor.ts')).runDoctorCommand(context());
  });

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = fail(error);
}

function context(): CommandContext {
  const options = program.opts<GlobalOptions>();
  const isJson = options.json === true || process.argv.includes('--json');
  return {
    host: createBuildHost({
      signal: interruption.signal,
      ...(options.mirror === undefined ? {} : { mirror: options.mirror }),
    }),
    repositoryFolder: dirname(dirname(fileURLToPath(import.meta.url))),
    workingFolder: process.cwd(),
    isJson,
    hasTerminal: process.stdout.isTTY === true && !isJson,
    writeOut: (line) => process.stdout.write(`${line}\n`),
    writeError: (line) => process.stderr.write(`${line}\n`),
  };
}

function fail(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // Commander has told people already.
    writeFailure(
      new KeelsonError({
        code: 'ARGUMENTS_INVALID',
        class: 'input',
        message: error.message.replace(/^error: /, ''),
        hint: 'Run `keelson --help`.',
      }),
    );
    return exitCodes.input;
  }
  if (interruption.signal.aborted) {
    writeFailure(interruptedError);
    process.stderr.write('keelson: interrupted; what was finished is in the store\n');
    return interruptedExitCode;
  }
  writeFailure(error);
  const isColoured =
    process.stderr.isTTY === true && context().host.environmentVariable('NO_COLOR') === undefined;
  process.stderr.write(`${renderError(error, { isColoured, workingFolder: process.cwd() })}\n`);
  return exitCodeOf(error);
}

/** With `--json`, the last line says why the command failed. */
function writeFailure(error: unknown): void {
  if (!process.argv.includes('--json')) return;
  process.stdout.write(`${JSON.stringify({ type: 'failed', ...errorToJson(error) })}\n`);
}
