import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { BuildHost } from '../host/build-host.ts';
import { createBuildHost } from '../host/node-host.ts';
import { folderDestination } from './folder-destination.ts';
import { openDestination } from './open-destination.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keelson-destinations-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function hostWith(variables: Record<string, string>): BuildHost {
  return {
    ...createBuildHost(),
    now: () => 1_795_251_600_000,
    environmentVariable: (name) => variables[name],
  };
}
const signedIn = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret-of-mine' };

describe('a folder', () => {
  test('gets files whole, and nothing is left aside', async () => {
    const destination = folderDestination(join(folder, 'tree'));
    await destination.write('stable/a.json', { bytes: Buffer.from('one') }, 'current');
    await destination.write('stable/a.json', { bytes: Buffer.from('two') }, 'current');
    expect((await destination.read('stable/a.json', 10))?.toString()).toBe('two');
    expect(await destination.sizeOf('stable/a.json')).toBe(3);
    expect(await readdir(join(folder, 'tree', 'stable'))).toEqual(['a.json']);
    expect(await destination.read('stable/b.json', 10)).toBeUndefined();
    expect(await destination.sizeOf('stable/b.json')).toBeUndefined();
  });

  test('says what cannot be read or written', async () => {
    const destination = folderDestination(folder);
    await writeFile(join(folder, 'file'), 'text');
    await expect(destination.read('file', 2)).rejects.toMatchObject({
      code: 'DESTINATION_UNREADABLE',
      class: 'environment',
      message: `Cannot read file from ${folder}: it is larger than 2 bytes`,
    });
    const absent = { file: join(folder, 'absent'), sizeBytes: 1, sha256: '' };
    await expect(destination.write('copy', absent, 'immutable')).rejects.toMatchObject({
      code: 'DESTINATION_UNWRITABLE',
      message: expect.stringMatching(/^Cannot write copy to .*: ENOENT: no such file or directory/),
    });
    expect(await readdir(folder)).not.toContainEqual(expect.stringMatching(/part$/));
  });
});

describe('a place is refused', () => {
  test.each([
    ['ftp://example.org/x', 'Cannot publish to ftp://example.org/x: ftp:// is not known'],
    ['ssh://me:secret@example.org/x', 'Cannot publish to ssh://example.org: there is a password in it'],
    ['ssh://exa mple/x', 'Cannot publish to ssh://exa mple/x: it is not a URL'],
  ])('%s', async (place, message) => {
    await expect(openDestination(hostWith({}), place, { workingFolder: folder })).rejects.toMatchObject({
      code: 'DESTINATION_INVALID',
      message,
    });
  });
});

describe('a bucket', () => {
  let server: Server;
  let place: string;
  let answer: { status: number; body?: string } = { status: 200 };
  const requests: {
    method: string | undefined;
    url: string | undefined;
    headers: IncomingMessage['headers'];
  }[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      requests.push({ method: request.method, url: request.url, headers: request.headers });
      request.resume().on('end', () => response.writeHead(answer.status).end(answer.body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    place = `s3://updates/a/b?endpoint=http://127.0.0.1:${(server.address() as { port: number }).port}&region=eu-1`;
  });
  afterAll(() => {
    server.close();
  });
  const open = () => openDestination(hostWith(signedIn), place, { workingFolder: folder });

  test('is told the digest and size of what it gets, and never the secret', async () => {
    const destination = await open();
    answer = { status: 200 };
    await destination.write('stable/1.root.json', { bytes: Buffer.from('text') }, 'immutable');
    const sent = requests.at(-1);
    expect(sent).toMatchObject({
      method: 'PUT',
      url: '/updates/a/b/stable/1.root.json',
      headers: {
        'content-length': '4',
        'content-type': 'application/json',
        'cache-control': 'public, max-age=31536000, immutable',
        'x-amz-content-sha256': '982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1',
        'x-amz-date': '20261121T090000Z',
        authorization: expect.stringMatching(
          /^AWS4-HMAC-SHA256 Credential=AKID\/20261121\/eu-1\/s3\/aws4_request, SignedHeaders=[a-z0-9;-]*x-amz-content-sha256[a-z0-9;-]*, Signature=[0-9a-f]{64}$/,
        ),
      },
    });
    expect(JSON.stringify(sent)).not.toContain('secret-of-mine');
    expect(destination.name).not.toContain('secret');
  });

  test('says why it refuses', async () => {
    const destination = await open();
    answer = { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' };
    const content = { bytes: Buffer.from('text') };
    await expect(destination.write('x', content, 'current')).rejects.toMatchObject({
      code: 'DESTINATION_UNWRITABLE',
      class: 'network',
      message: `Cannot write x to ${destination.name}: status 403, AccessDenied`,
    });
    await expect(destination.sizeOf('x')).rejects.toMatchObject({
      message: `Cannot read x from ${destination.name}: status 403`,
    });
    answer = { status: 404 };
    expect(await destination.read('x', 10)).toBeUndefined();
    answer = { status: 200, body: 'x'.repeat(100) };
    await expect(destination.read('x', 10)).rejects.toMatchObject({
      message: `Cannot read x from ${destination.name}: it is larger than 10 bytes`,
    });
  });

  test('wants credentials', async () => {
    const destination = await openDestination(hostWith({}), place, { workingFolder: folder });
    await expect(destination.read('x', 10)).rejects.toMatchObject({
      code: 'CREDENTIALS_ABSENT',
      message: 'Cannot sign in to the bucket: there are no credentials',
    });
  });
});
