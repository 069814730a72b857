import type { Command } from 'commander';
import type { BuildOptions } from './build.ts';
import type { BundleOptions } from './bundle.ts';
import { parseCount, profileOption } from './option-values.ts';
import type { PublishCommandOptions } from './publish.ts';
import type { CommandContext } from './session.ts';

/** What makes, checks and gives out releases: `build`, `bundle`, `verify`, `publish`. */
export function registerReleases(program: Command, context: () => CommandContext): void {
  addSigningOptions(
    program
      .command('build <recipe>')
      .description('build the artefacts of a recipe')
      .option('--out <folder>', 'where to write them (default: out/<recipe>)')
      .option('--secure-boot', 'sign what boots; machines in setup mode enrol the keys')
      .option(...profileOption),
  )
    .option('--json', 'machine-readable JSON lines on standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  keelson build minimal\n  keelson build ./my-recipe --out disks --json\n  keelson build minimal --profile build.trace.json',
    )
    .action(async (recipe: string, options: BuildOptions) => {
      await (await import('./build.ts')).runBuildCommand(context(), recipe, options);
    });

  addSigningOptions(
    program
      .command('bundle <recipe>')
      .description('build a signed update bundle of a recipe')
      .option('--out <folder>', 'where to write it (default: out/<recipe>)')
      .option('--version <version>', "YYYY.MM.N in place of the recipe's")
      .option('--channel <name>', 'channel that it is made for', 'stable')
      .option('--secure-boot', 'sign what boots, too')
      .option(...profileOption),
  )
    .option('--json', 'machine-readable JSON lines on standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  keelson bundle minimal\n  keelson bundle minimal --version 2026.12.0 --keys ours --release',
    )
    .action(async (recipe: string, options: BundleOptions) => {
      await (await import('./bundle.ts')).runBundleCommand(context(), recipe, options);
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
      (await import('./verify.ts')).runVerifyCommand(context(), bundle, options),
    );

  addSigningOptions(
    program
      .command('publish [bundle...]')
      .description('put update bundles into a channel, and change how they are rolled out')
      .requiredOption(
        '--to <place>',
        'a folder, ssh://user@server/folder, or s3://bucket/folder?endpoint=URL',
      )
      .option('--channel <name>', 'name of the channel', 'stable')
      .option(
        '--waves <list>',
        'shares of the machines and times since the start, such as 1%@0,10%@1h,100%@1d',
      )
      .option('--start <time>', 'when the waves begin, such as 2026-12-01T08:00:00Z (default: now)')
      .option('--pause', 'stop: no machine begins an update')
      .option('--resume', 'go on')
      .option('--minimum <version>', 'machines install nothing older from now on')
      .option('--keep <n>', 'releases of each kind of machine that stay on offer', parseCount, 3)
      .option('--allow-older', 'withdraw newer releases; also: go on from an expired or older channel')
      .option('--expires <time>', 'how long news can be withheld unnoticed, such as 36h', '7d')
      .option('--refresh', 'only sign again before it expires; for a daily job')
      .option('--renew-root', 'sign the list of trusted keys again (offline keys)')
      .option('--ssh-key <file>', 'private key for ssh://'),
  )
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
      await (await import('./publish.ts')).runPublishCommand(context(), bundles, options);
    });
}

/** Of every command that signs: see open-signing.ts. */
function addSigningOptions(command: Command): Command {
  return (
    command
      .option('--release', 'refuse keys that are only for trying out')
      .option('--keys <folder>', 'folder, or plain name, of your keys (default: development keys)')
      .option('--passphrase-env <name>', 'variable that holds the passphrase of the keys')
      // The first image of new keys, and each after a rotation, has a new list of the channel's keys, which these sign.
      .option('--offline-passphrase-env <name>', 'variable that holds the passphrase of the offline keys')
      .option('--passphrase-fd <n>', 'file descriptor with the passphrase of the keys', parseCount)
      .option('--pin-env <name>', 'variable that holds the PIN of a token')
  );
}
