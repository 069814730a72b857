import { resolve } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { ForeignPlace, ForeignPlaces } from '../keys/add-key.ts';
import { describeKeys, type KeyDescription, keyWarnings } from '../keys/describe-keys.ts';
import { developmentWarning } from '../keys/development-keys.ts';
import { exportKeys } from '../keys/export-keys.ts';
import type { RevocationReason } from '../keys/issue-revocation-list.ts';
import { isKeyRole, keyRoles } from '../keys/key-role.ts';
import { makeKeys } from '../keys/make-keys.ts';
import { type Keys, openKeys } from '../keys/open-keys.ts';
import { parsePkcs11Uri } from '../keys/pkcs11-uri.ts';
import { revokeKey } from '../keys/revoke-key.ts';
import { rotateKeys } from '../keys/rotate-keys.ts';
import { renderTable } from '../report/render-table.ts';
import { checkKeysName, defaultKeysName, keyFolder } from './key-folder.ts';
import { createAskSecret, type SecretOptions } from './read-secret.ts';
import { type CommandContext, withSession } from './session.ts';

export interface KeysOptions extends SecretOptions {
  /** A folder, or the plain name of one among the owner's own. */
  readonly keys?: string;
}

/** What a token's library needs beside its PIN. */
interface TokenOptions {
  /** Names of variables that are kept with the key. */
  readonly tokenVariable?: readonly string[];
  /** Folders that it works in. */
  readonly tokenFolder?: readonly string[];
}

export interface InitOptions extends KeysOptions, TokenOptions {
  /** `ROLE=pkcs11:…` or `ROLE=command:PROGRAM ARGUMENT…`. */
  readonly place: readonly string[];
  readonly force?: boolean;
}

export interface RotateCommandOptions extends KeysOptions, TokenOptions {
  readonly finish?: boolean;
  readonly place?: string;
}

export interface RevokeCommandOptions extends KeysOptions {
  readonly reason: RevocationReason;
}

/** `keelson keys init [NAME]`. */
export async function runKeysInitCommand(
  context: CommandContext,
  name: string | undefined,
  options: InitOptions,
): Promise<void> {
  const folder = keyFolder(context, options.keys ?? name);
  const places = readPlaces(context, options.place, options);
  const keys = await withSession(context, ({ workshop }) =>
    makeKeys(workshop, {
      name: checkKeysName(name ?? defaultKeysName),
      folder,
      askSecret: createAskSecret(context, options),
      places,
      isForced: options.force === true,
    }),
  );
  showKeys(context, keys, [
    `Made in ${folder}. Nothing else has these keys: keep a copy, and take the files of the offline keys`,
    'elsewhere (three places for the three tuf-root keys); they are needed to rotate, to revoke, and to change the channel.',
  ]);
}

/** `keelson keys show`. */
export async function runKeysShowCommand(context: CommandContext, options: KeysOptions): Promise<void> {
  showKeys(context, await open(context, options), []);
}

/** `keelson keys rotate ROLE|ID [--finish]`. */
export async function runKeysRotateCommand(
  context: CommandContext,
  subject: string,
  options: RotateCommandOptions,
): Promise<void> {
  const place = options.place === undefined ? undefined : readPlace(context, options.place, options);
  await change(context, options, (keys) =>
    rotateKeys(keys, {
      subject,
      isFinish: options.finish === true,
      ...(place === undefined ? {} : { place }),
    }),
  );
}

/** `keelson keys revoke ROLE|ID --reason …`. */
export async function runKeysRevokeCommand(
  context: CommandContext,
  subject: string,
  options: RevokeCommandOptions,
): Promise<void> {
  await change(context, options, (keys) => revokeKey(keys, { subject, reason: options.reason }));
}

/** `keelson keys export --to FOLDER`: what is public. */
export async function runKeysExportCommand(
  context: CommandContext,
  options: KeysOptions & { readonly to: string },
): Promise<void> {
  const written = await exportKeys(await open(context, options), resolve(context.workingFolder, options.to));
  if (context.isJson) context.writeOut(JSON.stringify({ type: 'keys-exported', files: written }));
  else for (const path of written) context.writeOut(path);
}

function open(context: CommandContext, options: KeysOptions): Promise<Keys> {
  const folder = keyFolder(context, options.keys);
  return withSession(context, ({ workshop }) =>
    openKeys(workshop, { folder, askSecret: createAskSecret(context, options) }),
  );
}

async function change(
  context: CommandContext,
  options: KeysOptions,
  work: (keys: Keys) => Promise<Keys>,
): Promise<void> {
  const folder = keyFolder(context, options.keys);
  const keys = await withSession(context, async ({ workshop }) =>
    work(await openKeys(workshop, { folder, askSecret: createAskSecret(context, options) })),
  );
  showKeys(context, keys, ['Images and bundles follow with the next build and release.']);
}

function showKeys(context: CommandContext, keys: Keys, remarks: readonly string[]): void {
  const described = describeKeys(keys);
  const warnings = [...(keys.isDevelopment ? [developmentWarning.message] : []), ...keyWarnings(described)];
  if (context.isJson) {
    const { name, folder, isDevelopment } = keys;
    context.writeOut(
      JSON.stringify({ type: 'keys', name, folder, isDevelopment, keys: described, warnings }),
    );
    return;
  }
  const header = ['key', 'state', 'kind', 'kept in', 'until', 'fingerprint'];
  context.writeOut(`${keys.name}  ${keys.folder}`);
  for (const line of renderTable([header, ...described.map(tableRow)])) context.writeOut(line);
  for (const warning of warnings) context.writeOut(`warning: ${warning}`);
  for (const remark of remarks) context.writeOut(remark);
}

/** The fingerprint is that of the certificate, where there is one, as other tools show it. */
function tableRow(key: KeyDescription): string[] {
  return [
    key.id,
    key.state,
    key.algorithm,
    key.isOffline ? `${key.place}, offline` : key.place,
    key.certificate?.notAfter.slice(0, 10) ?? '-',
    (key.certificate?.fingerprint ?? key.keyId).slice(0, 16),
  ];
}

function readPlaces(context: CommandContext, texts: readonly string[], options: TokenOptions): ForeignPlaces {
  return Object.fromEntries(
    texts.map((text) => {
      const [role = '', where = ''] = text.split(/=(.*)/s);
      if (isKeyRole(role) && !role.startsWith('tuf-root')) return [role, readPlace(context, where, options)];
      throw new KeelsonError({
        code: 'KEY_PLACE_INVALID',
        class: 'input',
        message: `Cannot tell whose key is meant by --place ${text}`,
        hint: `Write ROLE=PLACE; roles are ${keyRoles.filter((each) => each !== 'tuf-root').join(', ')}.`,
      });
    }),
  );
}

function readPlace(context: CommandContext, where: string, options: TokenOptions): ForeignPlace {
  if (where.startsWith('pkcs11:')) {
    parsePkcs11Uri(where);
    const { tokenVariable = [], tokenFolder = [] } = options;
    const environment = tokenVariable.map((name) => [name, context.host.environmentVariable(name) ?? '']);
    return {
      kind: 'pkcs11',
      uri: where,
      environment: Object.fromEntries(environment),
      folders: tokenFolder.map((folder) => resolve(context.workingFolder, folder)),
    };
  }
  const command = where
    .replace(/^command:/, '')
    .split(' ')
    .filter((word) => word !== '');
  if (where.startsWith('command:') && command.length > 0) return { kind: 'command', command };
  throw new KeelsonError({
    code: 'KEY_PLACE_INVALID',
    class: 'input',
    message: `Cannot understand where the key is: ${where}`,
    hint: 'Write pkcs11:token=…;id=%01?module-path=… or "command:PROGRAM ARGUMENT…".',
  });
}
