import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import type { BuildOptions } from './commands/build.ts';
import type { BundleOptions } from './commands/bundle.ts';
import { parseCount } from './commands/option-values.ts';
import type { PublishCommandOptions } from './commands/publish.ts';
import { registerKeys } from './commands/register-keys.ts';
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
  .addHelpText(
    'after',
    '\nExamples:\n  keelson run minimal\n  keelson run minimal --machine /var/tmp/m1 --memory 2048',
  )
  .action(async (recipe: string, options: { memory: number; machine?: string; sshKey?: string }) => {
    const { memory, ...rest } = options;
    process.exitCode = await (await import('./commands/run.ts')).runRunCommand(context(), recipe, {
      memoryMiB: memory,
      ...rest,
    });
  });

program
  .command('build <recipe>')
  .description('build the artefacts of a recipe')
  .option('--out <folder>', 'where to write them (default: out/<recipe>)')
  .option('--secure-boot', 'sign what boots; machines in setup mode enrol the keys')
  .option('--release', 'refuse keys that are only for trying out')
  .option('--keys <folder>', 'folder, or plain name, of your keys (default: development keys)')
  .option('--passphrase-env <name>', 'variable that holds the passphrase of the keys')
  .option('--passphrase-fd <n>', 'file descriptor with the passphrase of the keys', parseCount)
  .option('--pin-env <name>', 'variable that holds the PIN of a token')
  .option('--json', 'machine-readable JSON lines on standard output')
  .addHelpText(
    'after',
    '\nExamples:\n  keelson build minimal\n  keelson build ./my-recipe --out disks --json',
  )
  .action(async (recipe: string, options: BuildOptions) => {
    await (await import('./commands/build.ts')).runBuildCommand(context(), recipe, options);
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
  .option('--json', 'machine-readable JSON lines on standard output')
  .addHelpText('after', '\nExamples:\n  keelson show minimal\n  keelson show out/minimal/*.raw --json')
  .action(async (subject: string) => (await import('./commands/show.ts')).runShowCommand(context(), subject));

program
  .command('bundle <recipe>')
  .description('build a signed update bundle of a recipe')
  .option('--out <folder>', 'where to write it (default: out/<recipe>)')
  .option('--version <version>', "YYYY.MM.N in place of the recipe's")
  .option('--channel <name>', 'channel that it is made for', 'stable')
  .option('--secure-boot', 'sign what boots, too')
  .option('--release', 'refuse keys that are only for trying out')
  .option('--keys <folder>', 'folder, or plain name, of your keys (default: development keys)')
  .option('--passphrase-env <name>', 'variable that holds the passphrase of the keys')
  .option('--passphrase-fd <n>', 'file descriptor with the passphrase of the keys', parseCount)
  .option('--pin-env <name>', 'variable that holds the PIN of a token')
  .option('--json', 'machine-readable JSON lines on standard output')
  .addHelpText(
    'after',
    '\nExamples:\n  keelson bundle minimal\n  keelson bundle minimal --version 2026.12.0 --keys ours --release',
  )
  .action(async (recipe: string, options: BundleOptions) => {
    await (await import('./commands/bundle.ts')).runBundleCommand(context(), recipe, options);
  });

program
  .command('verify <bundle>')
  .description('whether machines that trust a keyring would take and start an update bundle')
  .requiredOption('--keyring <file>', 'PEM file of the certificates that the machines trust')
  .option('--crl <file>', 'PEM file of revocation lists, one of each authority')
  .option('--compatible <name>', 'refuse a bundle for other machines, such as minimal-x86-64')
  .option('--json', 'machine-readable JSON lines on standard output')
  .addHelpText(
    'after',
    '\nExamples:\n  keelson verify out/minimal/minimal-2026.11.0-x86-64.raucb --keyring keyring.pem',
  )
  .action(async (bundle: string, options: { keyring: string; crl?: string; compatible?: string }) =>
    (await import('./commands/verify.ts')).runVerifyCommand(context(), bundle, options),
  );

program
  .command('publish [bundle...]')
  .description('put update bundles into a channel, and change how they are rolled out')
  .requiredOption('--to <place>', 'a folder, ssh://user@server/folder, or s3://bucket/folder?endpoint=URL')
  .option('--channel <name>', 'name of the channel', 'stable')
  .option('--waves <list>', 'shares of the machines and times since the start, such as 1%@0,10%@1h,100%@1d')
  .option('--start <time>', 'when the waves begin, such as 2026-12-01T08:00:00Z (default: now)')
  .option('--pause', 'stop: no machine begins an update')
  .option('--resume', 'go on')
  .option('--minimum <version>', 'machines install nothing older from now on')
  .option('--keep <n>', 'releases of each kind of machine that stay on offer', parseCount, 3)
  .option('--allow-older', 'withdraw newer releases; also: go on from an expired or older channel')
  .option('--expires <time>', 'how long news can be withheld unnoticed, such as 36h', '7d')
  .option('--refresh', 'only sign again before it expires; for a daily job')
  .option('--renew-root', 'sign the list of trusted keys again (offline keys)')
  .option('--ssh-key <file>', 'private key for ssh://')
  .option('--release', 'refuse keys that are only for trying out')
  .option('--keys <folder>', 'folder, or plain name, of your keys (default: development keys)')
  .option('--passphrase-env <name>', 'variable that holds the passphrase of the keys')
  .option('--offline-passphrase-env <name>', 'variable that holds the passphrase of the offline keys')
  .option('--passphrase-fd <n>', 'file descriptor with the passphrase of the keys', parseCount)
  .option('--pin-env <name>', 'variable that holds the PIN of a token')
  .option('--json', 'machine-readable JSON lines on standard output')
  .addHelpText(
    'after',
    `
Examples:
  keelson publish out/minimal/minimal-2026.11.0-x86-64.raucb --to /srv/updates
  keelson publish new.raucb --channel stable --waves 1%@0,10%@1h,100%@1d --to ssh://web@example.org/srv/updates
  keelson publish --pause --channel stable --to 's3://updates?endpoint=https://s3.example.org'
  keelson publish --refresh --to /srv/updates`,
  )
  .action(async (bundles: string[], options: PublishCommandOptions) => {
    await (await import('./commands/publish.ts')).runPublishCommand(context(), bundles, options);
  });

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
