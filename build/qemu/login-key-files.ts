import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { BuildHost } from '../host/build-host.ts';
import { makeLoginKey, publicKeyOf } from './login-key.ts';

/** Who may log in, and how `ssh` proves it. */
export interface Login {
  /** One line as in `authorized_keys`. */
  readonly publicKey: string;
  /** Private key that `ssh` must be told of; `undefined` when it finds its own. */
  readonly privateKeyPath: string | undefined;
}

/** In the order in which ssh(1) would like them. */
const ownKeyNames = ['id_ed25519.pub', 'id_ecdsa.pub', 'id_rsa.pub'] as const;

/** The key that was named, or the user's own, or a fresh pair kept in `folder`. */
export async function findLogin(
  host: BuildHost,
  folder: string,
  publicKeyFile: string | undefined,
): Promise<Login> {
  if (publicKeyFile !== undefined) {
    return { publicKey: await readNamedKey(publicKeyFile), privateKeyPath: undefined };
  }
  const home = host.environmentVariable('HOME');
  for (const name of home === undefined ? [] : ownKeyNames) {
    const publicKey = await readIfThere(join(home ?? '', '.ssh', name));
    if (publicKey !== undefined) return { publicKey, privateKeyPath: undefined };
  }
  const privateKeyPath = join(folder, 'login-key');
  const kept = await readIfThere(privateKeyPath);
  if (kept !== undefined) return { publicKey: publicKeyOf(`${kept}\n`), privateKeyPath };
  const fresh = makeLoginKey('keelson-run');
  await writeFile(privateKeyPath, fresh.privateKey, { mode: 0o600 });
  return { publicKey: fresh.publicKey, privateKeyPath };
}

async function readNamedKey(path: string): Promise<string> {
  const text = await readIfThere(path);
  if (text === undefined || !/^(ssh|ecdsa|sk)-\S+ \S+[^\n]*$/.test(text)) {
    throw new KeelsonError({
      code: 'LOGIN_KEY_UNUSABLE',
      class: 'input',
      message: `Cannot use ${path} as the key to log in with: it is not a readable public key`,
      hint: 'name the file that ends in `.pub`',
    });
  }
  return text;
}

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}
