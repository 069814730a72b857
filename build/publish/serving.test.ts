// Over 300 lines: servers that are dear to start serve all of these situations.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { openTrust } from '../../rootfs/programs/shared/tuf/trusted-index.ts';
import { type BackgroundProcess, startInBackground } from '../host/background-process.ts';
import type { BuildHost } from '../host/build-host.ts';
import { createBuildHost } from '../host/node-host.ts';
import { deviceBundling } from '../rootfs/bundle-program.ts';
import { defaultStoreRoot, openStore } from '../store/open-store.ts';
import { createToolsOpener } from '../tools/open-tools.ts';
import type { ToolCommand, ToolsTree } from '../tools/tools-tree.ts';
import { testBundle, testChange, testNow, testOptions } from './channel-fixtures.ts';
import type { Destination } from './destination.ts';
import { folderDestination } from './folder-destination.ts';
import { openDestination } from './open-destination.ts';
import { publishChannel, refreshChannel } from './publish-channel.ts';
import { followChannel } from './read-channel.ts';

const bundleBytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));

let folder: string;
let tools: ToolsTree;
const running: BackgroundProcess[] = [];
const host = createBuildHost();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keelson-serving-'));
  await writeFile(join(folder, 'new.raucb'), bundleBytes);
  const store = await openStore({ root: defaultStoreRoot(host), host, emit: () => undefined });
  tools = await createToolsOpener({ host, store, emit: () => undefined })('serve');
}, 300_000);

afterAll(async () => {
  for (const server of running) server.kill('SIGTERM');
  await Promise.all(running.map(({ ended }) => ended));
  await rm(folder, { recursive: true, force: true });
});

/** A server of the tools tree, on a port that was free a moment ago. */
async function serve(command: (port: number) => Promise<ToolCommand>): Promise<string> {
  const port = await freePort();
  const server = startInBackground(tools.commandLine({ ...(await command(port)), hasNetwork: true }), {
    signal: host.signal,
  });
  running.push(server);
  const url = `http://127.0.0.1:${port}`;
  let hasEnded = false;
  void server.ended.then(() => {
    hasEnded = true;
  });
  for (let attempt = 0; attempt < 600 && !hasEnded; attempt++) {
    const isThere = await fetch(url).then(
      () => true,
      () => false,
    );
    if (isThere) return url;
    await host.wait(100);
  }
  throw new Error(`it does not answer: ${server.lastErrors()}`);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

const bundle = async () =>
  testBundle('2026.11.1', { path: join(folder, 'new.raucb'), ...(await digestOfBundle()) });

async function digestOfBundle() {
  const digest = await crypto.subtle.digest('SHA-256', bundleBytes);
  return { sha256: Buffer.from(digest).toString('hex'), sizeBytes: bundleBytes.length };
}

async function publishTo(destination: Destination) {
  const options = await testOptions({ destination });
  const publication = await publishChannel(options, { ...testChange, bundles: [await bundle()] });
  return { options, publication };
}

/** Follows the channel over HTTP as a machine would. */
async function follow(url: string, root: string, channel = 'stable') {
  const { trusted } = openTrust({ imageRoot: root, channel });
  return followChannel({
    trusted,
    clock: testNow + 60,
    builtAt: testNow,
    read: async (path) => {
      const reply = await fetch(`${url}/${channel}/${path}`);
      // Buckets that nobody may list say 403 for what is not there.
      if (reply.status === 404 || reply.status === 403) return undefined;
      return Buffer.from(await reply.arrayBuffer());
    },
  });
}

describe('a folder served by nginx', () => {
  let url: string;
  let tree: string;
  let root: string;

  beforeAll(async () => {
    tree = join(folder, 'tree');
    root = (await publishTo(folderDestination(tree))).options.roots[0] as string;
    const work = await mkdtemp(join(folder, 'nginx-'));
    url = await serve(async (port) => {
      await writeFile(join(work, 'nginx.conf'), nginxConfiguration(work, tree, port));
      return {
        file: '/usr/sbin/nginx',
        arguments: ['-p', work, '-c', join(work, 'nginx.conf'), '-e', 'stderr'],
        readOnly: [tree],
        writable: [work],
      };
    });
  }, 60_000);

  test('is followed by a machine', async () => {
    expect(await follow(url, root)).toMatchObject({
      kind: 'fresh',
      index: { releases: [{ version: '2026.11.1', sizeBytes: bundleBytes.length }] },
    });
  });

  test('gives any range of a bundle, which is all that streaming asks for', async () => {
    const { sha256 } = await digestOfBundle();
    const address = `${url}/bundles/${sha256}.raucb`;
    const part = await fetch(address, { headers: { range: 'bytes=5000-5999' } });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toBe(`bytes 5000-5999/${bundleBytes.length}`);
    expect(Buffer.from(await part.arrayBuffer()).equals(bundleBytes.subarray(5000, 6000))).toBe(true);
    const beyond = await fetch(address, { headers: { range: `bytes=${bundleBytes.length}-` } });
    expect(beyond.status).toBe(416);
    const unchanged = await fetch(`${url}/stable/timestamp.json`);
    const etag = unchanged.headers.get('etag') ?? '';
    expect((await fetch(unchanged.url, { headers: { 'if-none-match': etag } })).status).toBe(304);
  });

  test('is understood by QuickJS as by Node', async () => {
    const work = await mkdtemp(join(folder, 'quickjs-'));
    await build({
      ...deviceBundling,
      stdin: {
        contents: quickJsClient,
        resolveDir: fileURLToPath(new URL('.', import.meta.url)),
        loader: 'ts',
      },
      outfile: join(work, 'client.js'),
      logLevel: 'silent',
    });
    const channel = join(tree, 'stable');
    const { stdout } = await tools.run({
      file: '/usr/bin/qjs',
      arguments: ['-m', join(work, 'client.js'), channel, String(testNow + 60), String(testNow)],
      readOnly: [channel, work],
    });
    const outcome = await follow(url, root);
    expect(JSON.parse(stdout)).toEqual({
      kind: 'fresh',
      index: outcome.kind === 'fresh' ? outcome.index : undefined,
      decision: 'install 2026.11.1',
    });
  });
});

function nginxConfiguration(work: string, tree: string, port: number): string {
  return `
    # In a user namespace there is nobody else to be.
    user root;
    daemon off;
    master_process off;
    pid ${work}/nginx.pid;
    error_log stderr;
    events {}
    http {
      access_log off;
      ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${work}/${name};`).join('\n')}
      server { listen 127.0.0.1:${port}; root ${tree}; }
    }`;
}

const quickJsClient = `
  import * as std from 'std';
  import { decideUpdate } from '../../rootfs/programs/shared/tuf/decide-update.ts';
  import { refreshIndex } from '../../rootfs/programs/shared/tuf/refresh-index.ts';
  import { openTrust } from '../../rootfs/programs/shared/tuf/trusted-index.ts';
  const [, folder, clock, builtAt] = scriptArgs;
  const read = (path) => std.loadFile(folder + '/' + path);
  const { trusted } = openTrust({ imageRoot: read('1.root.json'), channel: 'stable' });
  const steps = refreshIndex({ trusted, clock: Number(clock), builtAt: Number(builtAt) });
  let step = steps.next();
  while (!step.done) {
    const text = read(step.value.path);
    step = steps.next(
      text === null
        ? { kind: 'missing' }
        : { kind: 'content', bytes: Uint8Array.from(text, (character) => character.charCodeAt(0)) },
    );
  }
  const { kind, index, now } = step.value;
  const decision = decideUpdate(index, {
    compatible: 'minimal-x86-64', version: '2026.10.0', minimumVersion: '2026.10.0', machineId: 'abc',
    isPaused: false, windows: [], failedBundles: [], isClockSet: true,
  }, now);
  console.log(JSON.stringify({ kind, index, decision: decision.kind + ' ' + decision.release.version }));
`;

describe('a bucket', () => {
  let url: string;
  const open = (accessKey: string, secretKey: string) => {
    const variables: Record<string, string> = {
      AWS_ACCESS_KEY_ID: accessKey,
      AWS_SECRET_ACCESS_KEY: secretKey,
    };
    const s3Host: BuildHost = { ...host, environmentVariable: (name) => variables[name] };
    return openDestination(s3Host, `s3://updates/tree?endpoint=${url}`, { workingFolder: folder });
  };

  beforeAll(async () => {
    url = await serve(async (port) => ({
      file: '/usr/bin/dash',
      // Its libraries want certificates, which a maintainer script would have joined.
      arguments: [
        '-ec',
        'mkdir -p /etc/ssl/certs; cat /usr/share/ca-certificates/mozilla/*.crt >/etc/ssl/certs/ca-certificates.crt; exec "$@"',
        'dash',
        ...['/usr/bin/python3', '-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)],
      ],
      environment: { CRYPTOGRAPHY_OPENSSL_NO_LEGACY: '1' },
    }));
    await fetch(`${url}/updates`, { method: 'PUT' });
    const everybodyReads = {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::updates/*' },
      ],
    };
    await fetch(`${url}/updates?policy`, { method: 'PUT', body: JSON.stringify(everybodyReads) });
  }, 120_000);

  test('holds what a machine follows over HTTP', async () => {
    const destination = await open('id', 'secret');
    const { options, publication } = await publishTo(destination);
    expect(publication.uploadedBundles).toHaveLength(1);
    const again = await refreshChannel({ ...options, now: testNow + 30 }, { isOlderAllowed: false });
    expect(again.versions).toMatchObject({ timestamp: 2, targets: 1 });
    expect(await follow(`${url}/updates/tree`, options.roots[0] as string)).toMatchObject({ kind: 'fresh' });
    const address = `${url}/updates/tree/bundles/${publication.uploadedBundles[0]}.raucb`;
    const part = await fetch(address, { headers: { range: 'bytes=5000-5999' } });
    expect(part.status).toBe(206);
    expect(Buffer.from(await part.arrayBuffer()).equals(bundleBytes.subarray(5000, 6000))).toBe(true);
    expect(part.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  }, 60_000);

  test('takes files from those who may write only', async () => {
    const { accessKey, secretKey } = await makeWriter(url);
    // From now on the server checks every signature.
    await fetch(`${url}/moto-api/reset-auth`, { method: 'POST', body: '0' });
    const content = { bytes: Buffer.from('text') };
    const writer = await open(accessKey, secretKey);
    await writer.write('stable/a.json', content, 'current');
    expect((await writer.read('stable/a.json', 10))?.toString()).toBe('text');
    expect(await writer.sizeOf('stable/a.json')).toBe(4);
    const other = await open(accessKey, `${secretKey.slice(1)}x`);
    await expect(other.write('x', content, 'current')).rejects.toMatchObject({
      code: 'DESTINATION_UNWRITABLE',
      message: `Cannot write x to ${other.name}: status 403, SignatureDoesNotMatch`,
    });
  }, 60_000);
});

/** A user of the server's own user management who may do everything with buckets. */
async function makeWriter(url: string): Promise<{ accessKey: string; secretKey: string }> {
  const ask = async (parameters: Record<string, string>) => {
    const reply = await fetch(url, {
      method: 'POST',
      headers: {
        authorization:
          'AWS4-HMAC-SHA256 Credential=x/20261121/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=x',
      },
      body: new URLSearchParams({ Version: '2010-05-08', UserName: 'writer', ...parameters }),
    });
    return reply.text();
  };
  await ask({ Action: 'CreateUser' });
  const key = await ask({ Action: 'CreateAccessKey' });
  const policy = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }],
  };
  await ask({ Action: 'PutUserPolicy', PolicyName: 'all', PolicyDocument: JSON.stringify(policy) });
  const field = (name: string) => new RegExp(`<${name}>(.*?)</`).exec(key)?.[1] ?? '';
  return { accessKey: field('AccessKeyId'), secretKey: field('SecretAccessKey') };
}
