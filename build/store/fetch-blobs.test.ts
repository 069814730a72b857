import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { BuildEvent } from '../events/build-event.ts';
import { createBuildHost } from '../host/node-host.ts';
import { type FetchWorkshop, fetchBlobs } from './fetch-blobs.ts';
import { fetchIndex } from './fetch-index.ts';
import { openStore } from './open-store.ts';

const content = Buffer.from('0123456789'.repeat(20_000));
const sha256 = createHash('sha256').update(content).digest('hex');
const reference = { sha256, sizeBytes: content.length };
const patience = { attempts: 2, backOffMs: 1, stallMs: 150 };

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A real server on this computer; gives its base URL. */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function makeWorkshop(): Promise<FetchWorkshop & { events: BuildEvent[] }> {
  const host = createBuildHost();
  const store = await openStore({ root: await mkdtemp(join(tmpdir(), 'fetch-')), host });
  const events: BuildEvent[] = [];
  return { host, store, events, emit: (event) => events.push(event) };
}

const fetchOne = (workshop: FetchWorkshop, ...urls: string[]) =>
  fetchBlobs(workshop, [{ reference, title: 'crun 1.21', urls }], 'fetch', patience);

/** What lies in the store after all: finished blobs and partial ones. */
async function contents({ store }: FetchWorkshop) {
  const folders = await readdir(join(store.root, 'blobs/sha256'));
  const blobs = await Promise.all(folders.map((name) => readdir(join(store.root, 'blobs/sha256', name))));
  return { blobs: blobs.flat(), partial: await readdir(join(store.root, 'partial')) };
}

const honest = (_request: IncomingMessage, response: ServerResponse) => response.end(content);
const cutAfter = (bytes: number) => (_request: IncomingMessage, response: ServerResponse) => {
  response.writeHead(200, { 'content-length': content.length });
  response.write(content.subarray(0, bytes), () => setTimeout(() => response.destroy(), 20));
};

describe('honest servers', () => {
  test('the bytes are in the store, read-only, and are not fetched again', async () => {
    const workshop = await makeWorkshop();
    let requests = 0;
    const base = await serve((request, response) => {
      requests += 1;
      honest(request, response);
    });
    await fetchOne(workshop, `${base}/pool/crun.deb`);
    await fetchOne(workshop, `${base}/pool/crun.deb`);
    expect(requests).toBe(1);
    expect(await readFile(workshop.store.blobPath(sha256))).toEqual(content);
    expect(await contents(workshop)).toEqual({ blobs: [sha256], partial: [] });
    expect(workshop.events.filter(({ type }) => type === 'progress').at(-1)).toEqual({
      type: 'progress',
      stage: 'fetch',
      doneBytes: content.length,
      totalBytes: content.length,
      what: 'crun 1.21',
    });
  });

  test('the next place is tried when one does not have it', async () => {
    const workshop = await makeWorkshop();
    const base = await serve((request, response) =>
      request.url === '/good' ? honest(request, response) : response.writeHead(404).end(),
    );
    await fetchOne(workshop, `${base}/missing`, `${base}/good`);
    expect((await contents(workshop)).blobs).toEqual([sha256]);
  });

  test('a cut download goes on where it was', async () => {
    const workshop = await makeWorkshop();
    const ranges: (string | undefined)[] = [];
    const base = await serve((request, response) => {
      ranges.push(request.headers.range);
      const from = Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? -1);
      if (from < 0) return cutAfter(50_000)(request, response);
      response.writeHead(206, { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` });
      response.end(content.subarray(from));
    });
    await fetchOne(workshop, `${base}/x`);
    expect(ranges).toEqual([undefined, 'bytes=50000-']);
    expect((await contents(workshop)).blobs).toEqual([sha256]);
  });

  test('a server that knows no ranges sends all again', async () => {
    const workshop = await makeWorkshop();
    await writeFile(join(workshop.store.root, 'partial', sha256), content.subarray(0, 777));
    await fetchOne(workshop, `${await serve(honest)}/x`);
    expect(await contents(workshop)).toEqual({ blobs: [sha256], partial: [] });
  });

  test('what was kept of an earlier download and is wrong does no harm', async () => {
    const workshop = await makeWorkshop();
    await writeFile(join(workshop.store.root, 'partial', sha256), 'wrong');
    const base = await serve((request, response) => {
      const from = Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0);
      if (from === 0) return honest(request, response);
      response.writeHead(206, { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` });
      response.end(content.subarray(from));
    });
    await fetchOne(workshop, `${base}/x`);
    expect((await contents(workshop)).blobs).toEqual([sha256]);
  });

  test('a busy server is asked again', async () => {
    const workshop = await makeWorkshop();
    let requests = 0;
    const base = await serve((request, response) => {
      requests += 1;
      if (requests === 1) response.writeHead(503).end();
      else honest(request, response);
    });
    await fetchOne(workshop, `${base}/x`);
    expect(requests).toBe(2);
  });
});

describe('servers that lie, stall or die leave the store good', () => {
  const other = Buffer.from(content);
  other[5] = 0;
  const otherSha256 = createHash('sha256').update(other).digest('hex');

  test.each<[string, RequestListener, string, string]>([
    [
      'wrong bytes',
      (_q, r) => r.end(other),
      'DIGEST_MISMATCH',
      `its sha256 is ${otherSha256}, not ${sha256}`,
    ],
    [
      'a short file',
      (_q, r) => r.end(content.subarray(0, 10)),
      'DIGEST_MISMATCH',
      'it offers 10 bytes where 200000 are wanted',
    ],
    [
      'an endless file',
      (_q, r) => {
        const timer = setInterval(() => r.write(content), 1);
        r.on('close', () => clearInterval(timer));
      },
      'DIGEST_MISMATCH',
      'it sends more than the 200000 bytes wanted',
    ],
    [
      'another range',
      (_q, r) => r.writeHead(206, { 'content-range': 'bytes 7-9/10' }).end('789'),
      'DIGEST_MISMATCH',
      'it sent another range than asked for',
    ],
    ['no such file', (_q, r) => r.writeHead(404).end(), 'DOWNLOAD_FAILED', 'HTTP status 404'],
    ['a broken server', (_q, r) => r.writeHead(500).end(), 'DOWNLOAD_FAILED', 'HTTP status 500'],
    ['silence', () => undefined, 'DOWNLOAD_FAILED', 'no bytes for 0.15 s'],
    [
      'silence in the middle',
      (_q, r) => {
        r.writeHead(200, { 'content-length': content.length });
        r.write(content.subarray(0, 100));
      },
      'DOWNLOAD_FAILED',
      'no bytes for 0.15 s',
    ],
    ['a cut connection', (q) => q.socket.destroy(), 'DOWNLOAD_FAILED', 'the connection was cut'],
    ['a cut connection in the middle', cutAfter(0), 'DOWNLOAD_FAILED', 'the connection was cut'],
  ])('%s', async (_name, answer, code, reason) => {
    const workshop = await makeWorkshop();
    const url = `${await serve(answer)}/pool/crun.deb`;
    await expect(fetchOne(workshop, url)).rejects.toMatchObject({
      code,
      message: `Cannot fetch crun 1.21:\n  ${url}: ${reason}`,
    });
    expect((await contents(workshop)).blobs).toEqual([]);
    // The next build, with a good server, is not hindered by what is left.
    await fetchOne(workshop, `${await serve(honest)}/x`);
    expect(await contents(workshop)).toEqual({ blobs: [sha256], partial: [] });
  });

  test('every place that was tried is named', async () => {
    const base = await serve((_request, response) => response.writeHead(404).end());
    const gone = await serve(honest);
    await new Promise((resolve) => servers.pop()?.close(resolve));
    const failing = fetchOne(await makeWorkshop(), `${base}/a`, `${gone}/b`);
    await expect(failing).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: `Cannot fetch crun 1.21:\n  ${base}/a: HTTP status 404\n  ${gone}/b: connection refused`,
    });
  });

  test('nothing to ask is said too', async () => {
    await expect(fetchOne(await makeWorkshop())).rejects.toThrow(
      'Cannot fetch crun 1.21:\n  crun 1.21: no place to fetch it from is known',
    );
  });

  test('a full disk is told as such, and no lock or partial file is left', async () => {
    const workshop = await makeWorkshop();
    const base = await serve(honest);
    const download = async (url: string) => {
      const reply = await workshop.host.download(url);
      const body = (async function* () {
        yield content.subarray(0, 100);
        throw Object.assign(new Error('no space'), { code: 'ENOSPC', syscall: 'write' });
      })();
      return { ...reply, body };
    };
    const failing = fetchOne({ ...workshop, host: { ...workshop.host, download } }, `${base}/x`);
    await expect(failing).rejects.toMatchObject({
      code: 'STORE_FULL',
      message: `Cannot store crun 1.21: the disk of the store ${workshop.store.root} is full`,
    });
    expect(await contents(workshop)).toEqual({ blobs: [], partial: [] });
    expect(await readdir(join(workshop.store.root, 'locks'))).toEqual([]);
  });

  test('an interrupted build ends with the reason of the interruption', async () => {
    const interruption = new AbortController();
    const workshop = await makeWorkshop();
    const host = createBuildHost({ signal: interruption.signal });
    const base = await serve(() => interruption.abort(new Error('interrupted by the user')));
    await expect(fetchOne({ ...workshop, host }, `${base}/x`)).rejects.toThrow('interrupted by the user');
    expect((await contents(workshop)).blobs).toEqual([]);
  });
});

describe('indexes, whose digest nobody knows', () => {
  const fetchText = async (answer: RequestListener, maxBytes = 1000) =>
    fetchIndex(await makeWorkshop(), [`${await serve(answer)}/dists/trixie/InRelease`], {
      maxBytes,
      patience,
    });

  test('come as text', async () => {
    expect(await fetchText((_request, response) => response.end('Origin: Debian\n'))).toBe(
      'Origin: Debian\n',
    );
  });

  test.each<[string, RequestListener, string]>([
    ['have a limit', (_q, r) => r.end('x'.repeat(2000)), 'it sends more than 1000 bytes'],
    ['may be missing', (_q, r) => r.writeHead(404).end(), 'HTTP status 404'],
    ['may never come', () => undefined, 'no bytes for 0.15 s'],
  ])('%s', async (_name, answer, reason) => {
    await expect(fetchText(answer)).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringMatching(
        new RegExp(`^Cannot fetch dists/trixie/InRelease:\\n  http://.*: ${reason}$`),
      ) as unknown as string,
    });
  });
});
