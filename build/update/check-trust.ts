import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Workshop } from '../tools/workshop.ts';

export interface Trust {
  /** PEM file of the certificates that a machine trusts, and of the revocation lists that it has, if any. */
  readonly keyring: string;
  /** PEM file of further revocation lists. With any list at all, there must be one of every authority. */
  readonly crl?: string;
}

const listHeader = '-----BEGIN X509 CRL-----';

/** OpenSSL's words for what a person can do something about. */
const hints: readonly (readonly [RegExp, string])[] = [
  [
    /certificate has expired/,
    'Sign it again with a new leaf: `keelson bundle` makes one when the old one has expired.',
  ],
  [/certificate is not yet valid/, 'Set the clock of this computer.'],
  [/certificate revoked/, 'Whoever holds the revoked key may have made it: do not use it.'],
  [/CRL has expired/, 'Publish a fresh revocation list.'],
  [/unable to get certificate CRL/, 'Give the revocation lists of all authorities in one file.'],
  [/unsuitable certificate purpose|unsupported certificate purpose/, 'Sign with a leaf for code signing.'],
];

/**
 * Asks RAUC, set up as machines have it (leaf for code signing, format verity), whether it trusts the signature of a
 * bundle: BUNDLE_SIGNATURE_INVALID with its reason, KEYRING_UNREADABLE.
 */
export async function checkTrust(
  workshop: Pick<Workshop, 'openTools'>,
  path: string,
  trust: Trust,
): Promise<void> {
  const tools = await workshop.openTools('update');
  const certificates = await readPem(trust.keyring, 'CERTIFICATE');
  const lists = trust.crl === undefined ? '' : await readPem(trust.crl, 'X509 CRL');
  const folder = await mkdtemp(join(tmpdir(), 'keelson-bundle-'));
  const keyring = join(folder, 'keyring.pem');
  const configuration = join(folder, 'system.conf');
  try {
    await writeFile(keyring, `${certificates}\n${lists}`);
    await writeFile(
      configuration,
      raucConfiguration(keyring, `${certificates}${lists}`.includes(listHeader)),
    );
    await tools.run({
      file: '/usr/bin/rauc',
      arguments: ['--conf', configuration, 'info', '--output-format=json-2', path],
      readOnly: [dirname(path)],
      writable: [folder],
    });
  } catch (cause) {
    if (!(cause instanceof KeelsonError) || cause.code !== 'TOOL_FAILED') throw cause;
    const [, reason] = /signature verification failed: (?:Verify error: )?(.+)/.exec(cause.message) ?? [];
    throw new KeelsonError({
      code: 'BUNDLE_SIGNATURE_INVALID',
      class: 'input',
      message: `Cannot trust the update bundle ${path}: ${reason?.trim() ?? 'RAUC refuses it'}`,
      place: { file: path },
      hint:
        hints.find(([pattern]) => pattern.test(cause.message))?.[1] ??
        `Check that ${trust.keyring} is the keyring of the machines that are to take it.`,
      ...(reason === undefined ? { cause } : {}),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** https://rauc.readthedocs.io/en/v1.13/reference.html#system-configuration-file */
function raucConfiguration(keyring: string, hasLists: boolean): string {
  return [
    '[system]',
    'compatible=any',
    'bootloader=noop',
    'bundle-formats=verity',
    '[keyring]',
    `path=${keyring}`,
    'check-purpose=codesign',
    `check-crl=${hasLists}`,
    '',
  ].join('\n');
}

async function readPem(path: string, label: string): Promise<string> {
  let cause: unknown;
  try {
    const text = await readFile(path, 'utf8');
    if (text.includes(`-----BEGIN ${label}-----`)) return text;
  } catch (error) {
    cause = error;
  }
  const what = label === 'CERTIFICATE' ? 'keyring' : 'revocation list';
  throw new KeelsonError({
    code: 'KEYRING_UNREADABLE',
    class: 'input',
    message: `Cannot use ${path} as a ${what}: ${cause === undefined ? `it has no PEM block "${label}"` : 'it cannot be read'}`,
    place: { file: path },
    hint: `Give a PEM file with ${label === 'CERTIFICATE' ? 'certificates' : 'revocation lists'}; \`keelson keys show\` says where they lie.`,
    ...(cause === undefined ? {} : { cause }),
  });
}
