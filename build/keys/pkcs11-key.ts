import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import { withSpan } from '../events/span.ts';
import type { CommandResult } from '../host/build-host.ts';
import { derNull, objectIdentifier, octetString, sequence } from './der.ts';
import type { KeyAlgorithm } from './key-algorithm.ts';
import type { KeyPlace, KeyRecord } from './key-record.ts';
import { parsePkcs11Uri } from './pkcs11-uri.ts';
import type { KeyOwner, RawSign } from './raw-signer.ts';

export type TokenPlace = Extract<KeyPlace, { kind: 'pkcs11' }>;

/** The PIN goes to pkcs11-tool in a variable of this name: arguments can be read by everyone on the computer. */
const pinVariable = 'KEELSON_TOKEN_PIN';
const tokenTool = 'pkcs11-tool';

/** Signs in a token, through OpenSC's pkcs11-tool. Only digests go in, and the simplest mechanisms are asked for. */
export function tokenSign(owner: KeyOwner, record: KeyRecord, place: TokenPlace): RawSign {
  return (bytes) =>
    inScratchFolder(async (scratch) => {
      const input = join(scratch, 'input');
      const output = join(scratch, 'signature');
      await writeFile(input, tokenInput(record.algorithm, bytes));
      await runTokenTool(owner, place, scratch, record.role, [
        '--sign',
        ...mechanismOf[record.algorithm],
        '--input-file',
        input,
        '--output-file',
        output,
      ]);
      return await readFile(output);
    });
}

/** The public half of a key in a token. */
export async function readTokenPublicKey(
  owner: KeyOwner,
  place: TokenPlace,
  what: string,
): Promise<KeyObject> {
  return inScratchFolder(async (scratch) => {
    const output = join(scratch, 'public-key');
    await runTokenTool(owner, place, scratch, what, [
      '--read-object',
      '--type',
      'pubkey',
      '--output-file',
      output,
    ]);
    return createPublicKey({ key: await readFile(output), format: 'der', type: 'spki' });
  });
}

const rsaMechanism = ['--mechanism', 'RSA-PKCS'] as const;

const mechanismOf = {
  'rsa-2048': rsaMechanism,
  'rsa-3072': rsaMechanism,
  'rsa-4096': rsaMechanism,
  'ecdsa-p256': ['--mechanism', 'ECDSA', '--signature-format', 'openssl'],
  ed25519: ['--mechanism', 'EDDSA'],
} as const satisfies Record<KeyAlgorithm, readonly string[]>;

/** RSA-PKCS pads a DigestInfo (RFC 8017, section 9.2), ECDSA takes the digest, EdDSA the message. */
function tokenInput(algorithm: KeyAlgorithm, bytes: Uint8Array): Uint8Array {
  if (algorithm === 'ed25519') return bytes;
  const digest = createHash('sha256').update(bytes).digest();
  if (algorithm === 'ecdsa-p256') return digest;
  return sequence(sequence(objectIdentifier('2.16.840.1.101.3.4.2.1'), derNull), octetString(digest));
}

async function runTokenTool(
  owner: KeyOwner,
  place: TokenPlace,
  scratch: string,
  what: string,
  action: readonly string[],
): Promise<void> {
  const uri = parsePkcs11Uri(place.uri);
  const { host, emit } = owner.workshop;
  const pin = await owner.askSecret({
    kind: 'pin',
    what: tokenName(place.uri),
    isOffline: false,
    isNew: false,
  });
  const argumentList = [
    '--module',
    uri.modulePath,
    ...(uri.token === undefined ? [] : ['--token-label', uri.token]),
    '--id',
    uri.id,
    '--login',
    '--pin',
    `env:${pinVariable}`,
    ...action,
  ];
  const environment = { ...place.environment, [pinVariable]: pin };
  const tools = await owner.workshop.openTools('keys');
  // A library that we have (SoftHSM, OpenSC for cards) runs in the tools tree; a maker's own needs the computer it was
  // installed on, and that computer's pkcs11-tool.
  const isOurs = existsSync(join(tools.folder, uri.modulePath));
  const folders = [...(place.folders ?? []), ...(existsSync(cardDaemon) ? [cardDaemon] : [])];
  const command = isOurs
    ? tools.commandLine({
        file: `/usr/bin/${tokenTool}`,
        arguments: argumentList,
        writable: [scratch, ...folders],
        environment,
      })
    : {
        file: tokenTool,
        arguments: argumentList,
        environment: {
          PATH: host.environmentVariable('PATH') ?? '/usr/bin',
          LC_ALL: 'C.UTF-8',
          ...environment,
        },
      };
  const result = await withSpan(emit, { kind: 'tool', title: tokenTool }, () => host.run(command));
  if (result.exitCode !== 0) throw tokenError(what, place.uri, result);
}

/** Socket folder of pcscd, through which cards are reached. */
const cardDaemon = '/run/pcscd';

async function inScratchFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'keelson-sign-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function tokenName(uri: string): string {
  const { token } = parsePkcs11Uri(uri);
  return token === undefined ? 'the token' : `the token "${token}"`;
}

function tokenError(what: string, uri: string, { stdout, stderr }: CommandResult): KeelsonError {
  const lines = `${stderr}\n${stdout}`.split('\n').filter((line) => line.trim() !== '');
  const isPin = lines.some((line) => /CKR_PIN|PIN_INCORRECT/.test(line));
  return new KeelsonError({
    code: isPin ? 'PIN_WRONG' : 'SIGNER_FAILED',
    class: 'environment',
    message: [
      `Cannot use the key for ${what} in ${tokenName(uri)}`,
      ...lines.slice(0, 5).map((line) => `  ${line}`),
    ].join('\n'),
    hint: isPin
      ? 'Give the right PIN; most tokens lock after a few wrong ones.'
      : 'Plug the token in, and look at its label and keys with `pkcs11-tool --list-objects`.',
  });
}
