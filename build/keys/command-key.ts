import { createPublicKey, type KeyObject } from 'node:crypto';
import { basename } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import { withSpan } from '../events/span.ts';
import type { KeyPlace, KeyRecord } from './key-record.ts';
import type { KeyOwner, RawSign } from './raw-signer.ts';

type CommandPlace = Extract<KeyPlace, { kind: 'command' }>;

/** Beside what the owner lists: without these few commands do not find their parts. */
const alwaysGiven = ['PATH', 'HOME', 'LANG'];

/**
 * Signs with a program of the owner's. KEELSON_ACTION tells it what to do: `sign` the message on standard input and print the
 * signature in base64, or print the `public-key` as PEM. KEELSON_KEY_ID and KEELSON_ALGORITHM name the key to sign with.
 */
export function commandSign(owner: KeyOwner, record: KeyRecord, place: CommandPlace): RawSign {
  return async (bytes) => {
    const variables = { KEELSON_ALGORITHM: record.algorithm, KEELSON_KEY_ID: record.keyId };
    const printed = await runCommand(owner, place, record.role, 'sign', variables, bytes);
    const text = printed.replace(/\s/g, '');
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) {
      throw failure(record.role, `${place.command[0]} printed no signature in base64`);
    }
    return Buffer.from(text, 'base64');
  };
}

/** The public half of a key behind a command. */
export async function readCommandPublicKey(
  owner: KeyOwner,
  place: CommandPlace,
  what: string,
): Promise<KeyObject> {
  const printed = await runCommand(owner, place, what, 'public-key', {}, new Uint8Array());
  try {
    return createPublicKey(printed);
  } catch {
    throw failure(what, `${place.command[0]} printed no public key in PEM`);
  }
}

async function runCommand(
  { workshop: { host, emit } }: KeyOwner,
  place: CommandPlace,
  what: string,
  action: 'sign' | 'public-key',
  variables: Readonly<Record<string, string>>,
  input: Uint8Array,
): Promise<string> {
  const [file = '', ...argumentList] = place.command;
  const given = [...alwaysGiven, ...(place.variables ?? [])].flatMap((name) => {
    const value = host.environmentVariable(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const environment = { ...Object.fromEntries(given), ...variables, KEELSON_ACTION: action };
  const result = await withSpan(emit, { kind: 'tool', title: basename(file) }, () =>
    host.run({ file, arguments: argumentList, environment }, { input: Buffer.from(input) }),
  );
  if (result.exitCode === 0) return result.stdout;
  const lines = result.stderr.trim().split('\n').slice(-5);
  throw failure(what, [`${file} ended with exit code ${result.exitCode}`, ...lines].join('\n  '));
}

function failure(what: string, why: string): KeelsonError {
  return new KeelsonError({
    code: 'SIGNER_FAILED',
    class: 'environment',
    message: `Cannot use the key for ${what}: ${why}`,
    hint: 'Run the program by hand, with KEELSON_ACTION=public-key and KEELSON_ACTION=sign.',
  });
}
