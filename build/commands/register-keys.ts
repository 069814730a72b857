import { type Command, Option } from 'commander';
import type { InitOptions, KeysOptions, RevokeCommandOptions, RotateCommandOptions } from './keys.ts';
import { collect, parseCount } from './option-values.ts';
import type { CommandContext } from './session.ts';

/** `keelson keys …`; what does the work is imported when it is called. */
export function registerKeys(program: Command, context: () => CommandContext): void {
  const keys = program
    .command('keys')
    .description('the keys that sign update bundles, what boots, and the channel');
  const keysCommand = (synopsis: string, description: string) =>
    keys
      .command(synopsis)
      .description(description)
      .option('--keys <folder>', 'folder, or plain name, of the keys')
      .option('--passphrase-env <name>', 'variable that holds the passphrase of the keys')
      .option('--offline-passphrase-env <name>', 'variable that holds the passphrase of the offline keys')
      .option(
        '--passphrase-fd <n>',
        'file descriptor: passphrases on two lines, signing then offline',
        parseCount,
      )
      .option('--pin-env <name>', 'variable that holds the PIN of a token')
      .option('--json', 'machine-readable JSON lines on standard output');
  keysCommand('init [name]', 'make a set of keys')
    .option('--place <role=place>', 'key in a token or behind a command', collect, [] as string[])
    .option('--token-variable <name>', "variable that the token's library needs", collect, [] as string[])
    .option('--token-folder <folder>', "folder that the token's library works in", collect, [] as string[])
    .option('--force', 'allow a folder in a git work tree')
    .addHelpText(
      'after',
      `
Examples:
  keelson keys init acme
  keelson keys init acme --keys /media/safe/acme
  keelson keys init acme --place 'update=pkcs11:token=release;id=%01?module-path=/usr/lib/softhsm/libsofthsm2.so'
  keelson keys init acme --place 'update=command:./sign-with-kms update'`,
    )
    .action(async (name: string | undefined, options: InitOptions) =>
      (await import('./keys.ts')).runKeysInitCommand(context(), name, options),
    );
  keysCommand('show', 'what keys there are, and what ends soon').action(async (options: KeysOptions) =>
    (await import('./keys.ts')).runKeysShowCommand(context(), options),
  );
  keysCommand('rotate <role-or-key>', 'replace a key; those that machines know by themselves in two steps')
    .option('--finish', 'the second step, when all machines run an image that trusts the new key')
    .option('--place <place>', 'the new key is in a token or behind a command')
    .option('--token-variable <name>', "variable that the token's library needs", collect, [] as string[])
    .option('--token-folder <folder>', "folder that the token's library works in", collect, [] as string[])
    .addHelpText(
      'after',
      '\nExamples:\n  keelson keys rotate update\n  keelson keys rotate root\n  keelson keys rotate root --finish',
    )
    .action(async (subject: string, options: RotateCommandOptions) =>
      (await import('./keys.ts')).runKeysRotateCommand(context(), subject, options),
    );
  keysCommand('revoke <role-or-key>', 'tell machines to refuse a key')
    .addOption(
      new Option('--reason <reason>', 'why')
        .choices(['compromised', 'superseded', 'no-longer-used'])
        .default('compromised'),
    )
    .action(async (subject: string, options: RevokeCommandOptions) =>
      (await import('./keys.ts')).runKeysRevokeCommand(context(), subject, options),
    );
  keysCommand('export', 'write what is public: roots, revocation lists, variables of Secure Boot')
    .requiredOption('--to <folder>', 'where to write roots.pem, revoked.pem, PK.auth, KEK.auth and db.auth')
    .action(async (options: KeysOptions & { to: string }) =>
      (await import('./keys.ts')).runKeysExportCommand(context(), options),
    );
}
