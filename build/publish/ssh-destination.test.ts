import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import ssh2 from 'ssh2';
import type { BuildHost } from '../host/build-host.ts';
import { createBuildHost } from '../host/node-host.ts';
import { defaultStoreRoot, openStore } from '../store/open-store.ts';
import { createToolsOpener } from '../tools/open-tools.ts';
import type { ToolsTree } from '../tools/tools-tree.ts';
import { testBundle, testChange, testNow, testOptions } from './channel-fixtures.ts';
import { hostKeyAlgorithms, isKnown, knownKeys } from './known-hosts.ts';
import { openDestination } from './open-destination.ts';
import { publishChannel, refreshChannel } from './publish-channel.ts';

const host = createBuildHost();
let folder: string;
let tools: ToolsTree;
let server: ssh2.Server;
let port: number;
let sshHost: BuildHost;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keelson-ssh-'));
  const store = await openStore({ root: defaultStoreRoot(host), host, emit: () => undefined });
  tools = await createToolsOpener({ host, store, emit: () => undefined })('serve');
  const hostKey = ssh2.utils.generateKeyPairSync('ed25519');
  const userKey = ssh2.utils.generateKeyPairSync('ed25519');
  server = startServer(hostKey.private, userKey.public);
  port = await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  await mkdir(join(folder, 'home', '.ssh'), { recursive: true });
  await writeFile(join(folder, 'home', '.ssh', 'known_hosts'), `[127.0.0.1]:${port} ${hostKey.public}\n`);
  await writeFile(join(folder, 'home', '.ssh', 'id_ed25519'), userKey.private);
  sshHost = hostAt(join(folder, 'home'));
}, 300_000);

afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

function hostAt(home: string): BuildHost {
  const variables: Record<string, string> = { HOME: home };
  return { ...host, environmentVariable: (name) => variables[name] };
}

/** SSH as ssh2 has it, files as OpenSSH's own sftp-server has them. */
function startServer(hostKey: string, userKey: string): ssh2.Server {
  const allowed = ssh2.utils.parseKey(userKey);
  if (allowed instanceof Error) throw allowed;
  return new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    client.on('error', () => undefined);
    client.on('authentication', (context) => {
      const isAllowed =
        context.method === 'publickey' &&
        context.key.data.equals(allowed.getPublicSSH()) &&
        (context.signature === undefined ||
          allowed.verify(context.blob as Buffer, context.signature, context.hashAlgo) === true);
      if (isAllowed) context.accept();
      else context.reject(['publickey']);
    });
    client.on('session', (acceptSession) => {
      acceptSession().on('subsystem', (acceptSubsystem) => {
        const channel = acceptSubsystem();
        const {
          file,
          arguments: argumentList,
          environment,
        } = tools.commandLine({
          file: '/usr/lib/openssh/sftp-server',
          arguments: [],
          writable: [folder],
        });
        const child = spawn(file, argumentList, { env: environment, stdio: ['pipe', 'pipe', 'inherit'] });
        channel.pipe(child.stdin);
        child.stdout.pipe(channel);
        channel.on('close', () => child.kill());
      });
    });
  });
}

const open = (path: string, from: BuildHost = sshHost) =>
  openDestination(from, `ssh://web@127.0.0.1:${port}${path}`, { workingFolder: folder });

describe('a folder of a server', () => {
  test('gets a whole tree, made as it goes, and nothing is left aside', async () => {
    const target = join(folder, 'srv', 'updates');
    const bundle = join(folder, 'new.raucb');
    await writeFile(bundle, Buffer.alloc(100, 1));
    const destination = await open(target);
    try {
      const options = await testOptions({ destination });
      await publishChannel(options, { ...testChange, bundles: [testBundle('2026.11.1', { path: bundle })] });
      await refreshChannel({ ...options, now: testNow + 60 }, { isOlderAllowed: false });
    } finally {
      await destination.close();
    }
    expect((await readdir(join(target, 'stable'))).sort()).toEqual([
      '1.root.json',
      '1.snapshot.json',
      '1.targets.json',
      'history.json',
      'timestamp.json',
    ]);
    const timestamp = JSON.parse(await readFile(join(target, 'stable', 'timestamp.json'), 'utf8'));
    expect(timestamp.signed.version).toBe(2);
    const [name = ''] = await readdir(join(target, 'bundles'));
    expect(await readFile(join(target, 'bundles', name))).toEqual(Buffer.alloc(100, 1));
  }, 60_000);

  test('is read no further than the limit', async () => {
    const destination = await open(folder);
    try {
      await writeFile(join(folder, 'large'), Buffer.alloc(1000));
      expect(await destination.read('absent', 10)).toBeUndefined();
      await expect(destination.read('large', 10)).rejects.toMatchObject({
        code: 'DESTINATION_UNREADABLE',
        message: `Cannot read large from ${destination.name}: it is larger than 10 bytes`,
      });
      await expect(
        destination.write('large/below', { bytes: Buffer.alloc(1) }, 'immutable'),
      ).rejects.toMatchObject({ code: 'DESTINATION_UNWRITABLE', class: 'network' });
    } finally {
      await destination.close();
    }
  }, 60_000);

  test('is refused when nobody compared the key of its server', async () => {
    await expect(open('/srv', hostAt(join(folder, 'nobody')))).rejects.toMatchObject({
      code: 'SERVER_UNKNOWN',
      message: `Cannot trust ssh://web@127.0.0.1:${port}/srv: its key is not in ~/.ssh/known_hosts`,
      hint: `Log in once with \`ssh -p ${port} 127.0.0.1\` and compare its fingerprint.`,
    });
  });

  test('is refused when its server shows another key', async () => {
    const home = join(folder, 'other');
    await mkdir(join(home, '.ssh'), { recursive: true });
    const other = ssh2.utils.generateKeyPairSync('ed25519');
    await writeFile(join(home, '.ssh', 'known_hosts'), `[127.0.0.1]:${port} ${other.public}\n`);
    await expect(open('/srv', hostAt(home))).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
      message: `Cannot log in to ssh://web@127.0.0.1:${port}/srv: Host denied (verification failed)`,
    });
  });

  test('wants a key that can be read', async () => {
    await expect(
      openDestination(sshHost, `ssh://127.0.0.1:${port}/srv`, { workingFolder: folder, sshKey: 'absent' }),
    ).rejects.toMatchObject({
      code: 'SSH_KEY_UNREADABLE',
      message: `Cannot read the key ${join(folder, 'absent')}`,
    });
  });
});

describe('known_hosts', () => {
  const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIA==';
  const salt = Buffer.from('salt').toString('base64');
  const hashed = (name: string) =>
    `|1|${salt}|${createHmac('sha1', 'salt').update(name).digest('base64')} ssh-ed25519 ${key}`;

  test.each<[string, string, number, string, boolean]>([
    ['a name', 'example.org', 22, `example.org ssh-ed25519 ${key}`, true],
    ['a name in other letters', 'Example.org', 22, `example.org ssh-ed25519 ${key}`, true],
    ['a list', 'b', 22, `a,b ssh-ed25519 ${key}`, true],
    ['a pattern', 'web1.example.org', 22, `*.example.org ssh-ed25519 ${key}`, true],
    ['a pattern that excludes it', 'web1.example.org', 22, `*.example.org,!web1.* ssh-ed25519 ${key}`, false],
    ['a dot is no pattern', 'exampleXorg', 22, `example.org ssh-ed25519 ${key}`, false],
    ['another port', 'example.org', 2222, `example.org ssh-ed25519 ${key}`, false],
    ['its port', 'example.org', 2222, `[example.org]:2222 ssh-ed25519 ${key}`, true],
    ['a hashed name', 'example.org', 22, hashed('example.org'), true],
    ['the hash of another name', 'example.org', 22, hashed('example.com'), false],
    ['a comment', 'example.org', 22, `#example.org ssh-ed25519 ${key}`, false],
    ['an authority', 'example.org', 22, `@cert-authority example.org ssh-ed25519 ${key}`, false],
    ['a revoked key', 'example.org', 22, `@revoked example.org ssh-ed25519 ${key}`, false],
  ])('%s', (_name, server, at, line, expected) => {
    const keys = knownKeys(`\n${line}\n`, server, at);
    expect(isKnown(keys, Buffer.from(key, 'base64'))).toBe(expected);
  });

  test('a server is asked for keys that are known', () => {
    const keys = knownKeys(
      `a ssh-rsa AAAA\na ssh-ed25519 ${key}\n@revoked a ecdsa-sha2-nistp256 AAAA`,
      'a',
      22,
    );
    expect(hostKeyAlgorithms(keys)).toEqual(['rsa-sha2-512', 'rsa-sha2-256', 'ssh-ed25519']);
  });
});
