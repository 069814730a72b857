import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { dirname as posixDirname, join as posixJoin } from 'node:path/posix';
import { NodeSSH } from 'node-ssh';
import type { SFTPWrapper } from 'ssh2';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { BuildHost } from '../host/build-host.ts';
import type { Destination, PublishedContent } from './destination.ts';
import { tooLarge, unreadable, unwritable } from './destination-error.ts';
import { hostKeyAlgorithms, isKnown, knownKeys } from './known-hosts.ts';
import type { DestinationOptions } from './open-destination.ts';

type SFTP = SFTPWrapper;

const connectTimeoutMs = 20_000;

/**
 * A folder of a server, by SFTP (OpenSSH's, for its atomic rename). The server must be known (~/.ssh/known_hosts); keys come
 * from the agent, `--ssh-key`, or the usual files without passphrase.
 */
export async function sshDestination(
  host: BuildHost,
  url: URL,
  options: DestinationOptions,
): Promise<Destination> {
  const folder = decodeURIComponent(url.pathname) || '/';
  const name = `ssh://${url.username === '' ? '' : `${url.username}@`}${url.host}${folder}`;
  const ssh = await connect(host, url, name, options);
  const sftp = await ssh.requestSFTP();
  const at = (path: string) => posixJoin(folder, path);
  return {
    name,
    async read(path, limitBytes) {
      try {
        const size = await sizeOf(sftp, at(path));
        if (size === undefined) return undefined;
        if (size > limitBytes) throw tooLarge(limitBytes);
        return await call<Buffer>((done) => sftp.readFile(at(path), done));
      } catch (cause) {
        throw unreadable(name, path, cause, true);
      }
    },
    async sizeOf(path) {
      return sizeOf(sftp, at(path)).catch((cause: unknown) => {
        throw unreadable(name, path, cause, true);
      });
    },
    async write(path, content) {
      await writeAside(sftp, at(path), content).catch((cause: unknown) => {
        throw unwritable(name, path, cause, true);
      });
    },
    close: async () => ssh.dispose(),
  };
}

async function connect(
  host: BuildHost,
  url: URL,
  name: string,
  options: DestinationOptions,
): Promise<NodeSSH> {
  const port = url.port === '' ? 22 : Number(url.port);
  const home = host.environmentVariable('HOME') || homedir();
  const known = await readKnown(home, url.hostname, port);
  if (known.every(({ isRevoked }) => isRevoked)) throw serverUnknown(name, url.hostname, port);
  const agent = host.environmentVariable('SSH_AUTH_SOCK');
  const privateKey = await readPrivateKey(home, options, agent !== undefined);
  try {
    return await new NodeSSH().connect({
      host: url.hostname,
      port,
      username: url.username === '' ? userInfo().username : decodeURIComponent(url.username),
      ...(agent === undefined ? {} : { agent }),
      ...(privateKey === undefined ? {} : { privateKey }),
      readyTimeout: connectTimeoutMs,
      keepaliveInterval: 15_000,
      algorithms: { serverHostKey: hostKeyAlgorithms(known) as never },
      hostVerifier: (shown: Buffer) => isKnown(known, shown),
    });
  } catch (cause) {
    host.signal.throwIfAborted();
    throw new KeelsonError({
      code: 'SERVER_UNREACHABLE',
      class: 'network',
      message: `Cannot log in to ${name}: ${(cause as Error).message}`,
      hint: 'Try `ssh` with the same name; a key with a passphrase must be in the agent.',
      cause,
    });
  }
}

async function readKnown(home: string, server: string, port: number) {
  const files = [join(home, '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts'];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return knownKeys(texts.join('\n'), server, port);
}

async function readPrivateKey(
  home: string,
  options: DestinationOptions,
  hasAgent: boolean,
): Promise<string | undefined> {
  if (options.sshKey !== undefined) {
    const path = resolve(options.workingFolder, options.sshKey);
    return readFile(path, 'utf8').catch((cause: unknown) => {
      throw new KeelsonError({
        code: 'SSH_KEY_UNREADABLE',
        class: 'input',
        message: `Cannot read the key ${path}`,
        hint: 'Name a private key file that you may read with --ssh-key.',
        cause,
      });
    });
  }
  if (hasAgent) return undefined;
  for (const name of ['id_ed25519', 'id_ecdsa', 'id_rsa']) {
    const text = await readFile(join(home, '.ssh', name), 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
  }
  return undefined;
}

function serverUnknown(name: string, server: string, port: number): KeelsonError {
  return new KeelsonError({
    code: 'SERVER_UNKNOWN',
    class: 'input',
    message: `Cannot trust ${name}: its key is not in ~/.ssh/known_hosts`,
    hint: `Log in once with \`ssh${port === 22 ? '' : ` -p ${port}`} ${server}\` and compare its fingerprint.`,
  });
}

type Done<Value> = (error: Error | null | undefined, value: Value) => void;

function call<Value>(action: (done: Done<Value>) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    action((error, value) => (error ? reject(error) : resolve(value)));
  });
}

/** SSH_FX_NO_SUCH_FILE, draft-ietf-secsh-filexfer-02, 7. */
const noSuchFile = 2;

async function sizeOf(sftp: SFTP, path: string): Promise<number | undefined> {
  try {
    return (await call<{ size: number }>((done) => sftp.stat(path, done))).size;
  } catch (error) {
    if ((error as { code?: unknown }).code === noSuchFile) return undefined;
    throw error;
  }
}

async function writeAside(sftp: SFTP, path: string, content: PublishedContent): Promise<void> {
  await makeFolder(sftp, posixDirname(path));
  const aside = `${path}.${randomBytes(4).toString('hex')}.part`;
  try {
    if ('bytes' in content) {
      await call<void>((done) => sftp.writeFile(aside, content.bytes, { mode: 0o644 }, done as never));
    } else {
      await call<void>((done) => sftp.fastPut(content.file, aside, { mode: 0o644 }, done as never));
      const size = await sizeOf(sftp, aside);
      if (size !== content.sizeBytes) throw new Error(`${size} of ${content.sizeBytes} bytes arrived`);
    }
    await flush(sftp, aside);
    // posix-rename@openssh.com replaces what is there in one step; SFTP's own rename does not.
    await call<void>((done) => sftp.ext_openssh_rename(aside, path, done as never));
  } catch (error) {
    await call<void>((done) => sftp.unlink(aside, done as never)).catch(() => undefined);
    throw error;
  }
}

/** fsync@openssh.com; servers without it flush when they like. */
async function flush(sftp: SFTP, path: string): Promise<void> {
  const handle = await call<Buffer>((done) => sftp.open(path, 'r+', done));
  try {
    await call<void>((done) => sftp.ext_openssh_fsync(handle, done as never)).catch(() => undefined);
  } finally {
    await call<void>((done) => sftp.close(handle, done as never));
  }
}

async function makeFolder(sftp: SFTP, folder: string): Promise<void> {
  if (folder === '/' || folder === '.' || (await sizeOf(sftp, folder)) !== undefined) return;
  await makeFolder(sftp, posixDirname(folder));
  await call<void>((done) => sftp.mkdir(folder, done as never)).catch(async (error: unknown) => {
    // Somebody else may have made it.
    if ((await sizeOf(sftp, folder)) === undefined) throw error;
  });
}
