import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { startInBackground } from '../../build/host/background-process.ts';
import type { Workshop } from '../../build/tools/workshop.ts';
import { addCleanup } from './afterwards.ts';
import { type FileServer, openFileServer } from './file-server.ts';
import { testOutputFolder } from './test-workshop.ts';
import { waitFor } from './wait-for.ts';

/** The files of a folder over HTTP, with ranges; gone after the promise's last step. */
export async function serveFolder(folder: string): Promise<FileServer> {
  const server = await openFileServer(folder);
  addCleanup(server.close);
  return server;
}

/** The same by nginx from Debian. Gives the address as the machine inside QEMU reaches it. */
export async function serveWithNginx(workshop: Workshop, folder: string): Promise<string> {
  const tools = await workshop.openTools('serve');
  await mkdir(testOutputFolder, { recursive: true });
  const work = await mkdtemp(join(testOutputFolder, 'nginx-'));
  const port = await freePort();
  await writeFile(join(work, 'nginx.conf'), nginxConfiguration(work, folder, port));
  const command = tools.commandLine({
    file: '/usr/sbin/nginx',
    arguments: ['-p', work, '-c', join(work, 'nginx.conf'), '-e', 'stderr'],
    readOnly: [folder],
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
  return `http://10.0.2.2:${port}`;
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

function nginxConfiguration(work: string, folder: string, port: number): string {
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
      access_log off;
      ${temporary.map((name) => `${name}_temp_path ${work}/${name};`).join('\n')}
      server { listen 127.0.0.1:${port}; root ${folder}; }
    }`;
}
