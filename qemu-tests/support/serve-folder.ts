import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { startInBackground } from '../../build/host/background-process.ts';
import type { Workshop } from '../../build/tools/workshop.ts';
import { addCleanup } from './afterwards.ts';
import { type FileServer, openFileServer } from './file-server.ts';
import type { TlsAuthority } from './make-authority.ts';
import { testOutputFolder } from './test-workshop.ts';
import { waitFor } from './wait-for.ts';

/** The files of a folder over HTTP, with ranges; gone after the promise's last step. */
export async function serveFolder(folder: string): Promise<FileServer> {
  const server = await openFileServer(folder);
  addCleanup(server.close);
  return server;
}

export interface WebServer {
  /** As the machine inside QEMU reaches it. */
  readonly url: string;
  /** The same by TLS; empty without an authority. */
  readonly httpsUrl: string;
  /** Time, address, verdict and request of all that told a verdict. */
  readonly verdictLogPath: string;
}

/** The same by nginx from Debian. */
export async function serveWithNginx(
  workshop: Workshop,
  folder: string,
  authority?: TlsAuthority,
): Promise<WebServer> {
  const tools = await workshop.openTools('serve');
  await mkdir(testOutputFolder, { recursive: true });
  const work = await mkdtemp(join(testOutputFolder, 'nginx-'));
  const [port, tlsPort] = [await freePort(), await freePort()];
  const files = authority === undefined ? [] : [authority.certificatePath, authority.keyPath];
  await writeFile(
    join(work, 'nginx.conf'),
    nginxConfiguration(work, folder, [
      `listen 127.0.0.1:${port};`,
      ...(authority === undefined
        ? []
        : [
            `listen 127.0.0.1:${tlsPort} ssl;`,
            `ssl_certificate ${authority.certificatePath};`,
            `ssl_certificate_key ${authority.keyPath};`,
          ]),
    ]),
  );
  const command = tools.commandLine({
    file: '/usr/sbin/nginx',
    arguments: ['-p', work, '-c', join(work, 'nginx.conf'), '-e', 'stderr'],
    readOnly: [folder, ...files],
    writable: [work],
    hasNetwork: true,
  });
  const nginx = startInBackground(command, { signal: workshop.host.signal, stdio: 'quiet' });
  addCleanup(async () => {
    nginx.kill('SIGTERM');
    await nginx.ended;
  });
  await waitFor(async () => (await fetch(`http://127.0.0.1:${port}`)) !== undefined, {
    what: 'an answer of nginx',
    deadlineMs: 20_000,
  });
  return {
    url: `http://10.0.2.2:${port}`,
    httpsUrl: authority === undefined ? '' : `https://10.0.2.2:${tlsPort}`,
    verdictLogPath: join(work, 'verdicts.log'),
  };
}

/** One that was free a moment ago: nginx cannot tell which it took. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** The log of verdicts is the one that README.md of system-services/update shows. */
function nginxConfiguration(work: string, folder: string, server: readonly string[]): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
    # In a user namespace there is nobody else to be.
    user root;
    daemon off;
    master_process off;
    pid ${work}/nginx.pid;
    error_log stderr;
    events {}
    http {
      log_format verdicts '$time_iso8601 $remote_addr $http_keelson_verdict $request_uri';
      map $http_keelson_verdict $has_verdict { default 1; '' 0; }
      access_log ${work}/verdicts.log verdicts if=$has_verdict;
      ${temporary.map((name) => `${name}_temp_path ${work}/${name};`).join('\n')}
      server { ${server.join(' ')} root ${folder}; }
    }`;
}
