import { open, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { addCleanup } from './afterwards.ts';

export interface FileServer {
  /** As the machine inside QEMU reaches it. */
  readonly url: string;
  /** Bytes of bodies sent so far. */
  sentBytes(): number;
  requests(): readonly string[];
}

/** The files of a folder over HTTP, with ranges; gone after the promise's last step. */
export async function serveFolder(folder: string): Promise<FileServer> {
  let sent = 0;
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers.range ?? ''}`.trim());
    const path = join(folder, normalize(decodeURIComponent(request.url ?? '/')));
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || !found.isFile()) {
      response.writeHead(404).end();
      return;
    }
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const start = Number(first ?? 0);
    const end = Math.min(found.size - 1, last ? Number(last) : found.size - 1);
    response.writeHead(first === undefined ? 200 : 206, {
      'accept-ranges': 'bytes',
      'content-length': end - start + 1,
      ...(first === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${found.size}` }),
    });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const file = await open(path);
    const stream = file.createReadStream({ start, end });
    stream.on('data', (chunk) => {
      sent += chunk.length;
    });
    stream.on('error', () => response.destroy());
    response.on('close', () => stream.destroy());
    stream.pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  addCleanup(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  const { port } = server.address() as AddressInfo;
  return { url: `http://10.0.2.2:${port}`, sentBytes: () => sent, requests: () => requests };
}
