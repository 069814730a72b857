import { once } from 'node:events';
import { open, stat } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';

/**
 * What a bad server does. `silent`: it takes the request and says nothing. `stalls`: it stops after 400 KiB. `stalls-at-mount`: it
 * says nothing when blocks of the hash tree are read, as the first look at the file system does. `whole-files`: it ignores that
 * a part was asked for. `other-bytes`: of what lies behind the first MiB it sends something else. `short` and `long`: it gives the
 * file another size.
 */
export type ServerFault =
  | 'silent'
  | 'stalls'
  | 'stalls-at-mount'
  | 'whole-files'
  | 'other-bytes'
  | 'short'
  | 'long';

export interface FileServer {
  /** As the machine inside QEMU reaches it. */
  readonly url: string;
  /** The same files by a server with that fault. */
  faultyUrl(fault: ServerFault): string;
  /** Bytes of bodies sent so far. */
  sentBytes(): number;
  requests(): readonly string[];
  close(): Promise<void>;
}

const stallsAfterBytes = 400 * 1024;
const honestBytes = 1024 * 1024;
const lieBytes = 64 * 1024;
/** At most so long. */
const signatureBytes = 64 * 1024;

/** The files of a folder over HTTP, with ranges. */
export async function openFileServer(folder: string): Promise<FileServer> {
  let sent = 0;
  let sentBeforeStall = 0;
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers.range ?? ''}`.trim());
    const [, fault, rest] = /^(?:\/~([a-z-]+))?(\/.*)$/.exec(decodeURIComponent(request.url ?? '/')) ?? [];
    const path = join(folder, normalize(rest ?? '/'));
    const found = await stat(path).catch(() => undefined);
    if (fault === 'silent') return;
    if (found === undefined || !found.isFile()) {
      response.writeHead(404).end();
      return;
    }
    const range = fault === 'whole-files' ? undefined : request.headers.range;
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
    const toldBytes = found.size + (fault === 'long' ? lieBytes : fault === 'short' ? -lieBytes : 0);
    const start = Number(first ?? 0);
    const end = Math.min(toldBytes - 1, last ? Number(last) : toldBytes - 1);
    if (start > end) {
      response.writeHead(416, { 'content-range': `bytes */${toldBytes}` }).end();
      return;
    }
    response.writeHead(first === undefined ? 200 : 206, {
      'accept-ranges': 'bytes',
      'content-length': end - start + 1,
      ...(first === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${toldBytes}` }),
    });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    if (fault === 'stalls') {
      sentBeforeStall += end - start + 1;
      if (sentBeforeStall > stallsAfterBytes) return;
    }
    // RAUC reads the signature behind the tree before it opens the bundle, through the same block device.
    const isOfTree = start > found.size * 0.9 && end < found.size - signatureBytes;
    if (fault === 'stalls-at-mount' && isOfTree) return;
    const hasLied = fault === 'other-bytes' && start > honestBytes && end < found.size - honestBytes;
    sent += await sendPart(response, path, start, end, hasLied);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://10.0.2.2:${(server.address() as AddressInfo).port}`;
  return {
    url,
    faultyUrl: (fault) => `${url}/~${fault}`,
    sentBytes: () => sent,
    requests: () => requests,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** Gives the bytes that were sent; what lies behind the end of the file is zeros. */
async function sendPart(
  response: ServerResponse,
  path: string,
  start: number,
  end: number,
  isChanged: boolean,
): Promise<number> {
  const file = await open(path);
  let sent = 0;
  try {
    for (let at = start; at <= end && !response.destroyed; ) {
      const chunk = Buffer.alloc(Math.min(256 * 1024, end - at + 1));
      await file.read(chunk, 0, chunk.length, at);
      if (isChanged) chunk[0] = (chunk[0] ?? 0) ^ 0xff;
      const isFlushed = response.write(chunk);
      at += chunk.length;
      sent += chunk.length;
      if (!isFlushed) await drained(response);
    }
  } finally {
    await file.close();
    response.end();
  }
  return sent;
}

/** Until more can be written, or nobody reads any more. */
async function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  const over = new AbortController();
  const { signal } = over;
  const events = [once(response, 'drain', { signal }), once(response, 'close', { signal })];
  await Promise.race(events.map((event) => event.catch(() => undefined)));
  over.abort();
}
