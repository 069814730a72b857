import { mkdir, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { InVain, waitFor } from '../../qemu-tests/support/wait-for.ts';
import { type BackgroundProcess, startInBackground } from '../host/background-process.ts';
import type { Workshop } from '../tools/workshop.ts';

/** A real registry (Debian's docker-registry) on loopback, over TLS by an authority of its own. */
export interface TestRegistry {
  /** `127.0.0.1:PORT`, as references begin. */
  readonly address: string;
  /** PEM file of the authority. */
  readonly authority: string;
  /** Where its blobs lie, for tests that spoil them. */
  readonly dataFolder: string;
  stop(): Promise<void>;
}

/** Lets `tester` in with the password `open sesame`: bcrypt, as htpasswd(1) writes it. */
export const testCredentials = {
  user: 'tester',
  password: 'open sesame',
  htpasswd: 'tester:$2b$05$J73Wtjy9n2sEBPyUuE1dSeqcyxnyRPHqMvI61T8VZ4jx0Ay0he9ay\n',
} as const;

/** Keeps everything in `folder`. */
export async function startTestRegistry(
  workshop: Workshop,
  folder: string,
  options: { readonly isPrivate?: boolean } = {},
): Promise<TestRegistry> {
  await mkdir(folder, { recursive: true });
  const authority = await makeCertificate(workshop, folder);
  const dataFolder = join(folder, 'data');
  await mkdir(dataFolder);
  const port = await freePort();
  const configuration = join(folder, 'registry.yml');
  const htpasswd = join(folder, 'htpasswd');
  if (options.isPrivate === true) await writeFile(htpasswd, testCredentials.htpasswd);
  await writeFile(
    configuration,
    JSON.stringify({
      version: 0.1,
      log: { level: 'warn', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: dataFolder } },
      http: {
        addr: `127.0.0.1:${port}`,
        tls: { certificate: join(folder, 'registry.crt'), key: join(folder, 'registry.key') },
      },
      ...(options.isPrivate === true ? { auth: { htpasswd: { realm: 'tests', path: htpasswd } } } : {}),
    }),
  );
  const tools = await workshop.openTools('oci-serve');
  const server = startInBackground(
    tools.commandLine({
      file: '/usr/bin/docker-registry',
      arguments: ['serve', configuration],
      writable: [folder],
      hasNetwork: true,
    }),
    { signal: workshop.host.signal },
  );
  await answered(port, server);
  return {
    address: `127.0.0.1:${port}`,
    authority,
    dataFolder,
    stop: async () => {
      server.kill('SIGTERM');
      await server.ended;
    },
  };
}

async function makeCertificate(workshop: Workshop, folder: string): Promise<string> {
  const keys = await workshop.openTools('keys');
  const certificate = join(folder, 'registry.crt');
  await keys.run({
    file: '/usr/bin/openssl',
    arguments: [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650'],
      ...['-subj', '/CN=registry for tests', '-addext', 'subjectAltName=IP:127.0.0.1,IP:10.0.2.2'],
      // The latter is this computer as machines in QEMU see it.
      ...['-keyout', join(folder, 'registry.key'), '-out', certificate],
    ],
    writable: [folder],
  });
  return certificate;
}

async function answered(port: number, server: BackgroundProcess): Promise<void> {
  let hasEnded = false;
  void server.ended.then(() => {
    hasEnded = true;
  });
  await waitFor(
    async () => {
      if (hasEnded) throw new InVain(server.lastErrors());
      return isOpen(port);
    },
    { what: 'the registry to answer', deadlineMs: 60_000 },
  );
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** One that was free a moment ago: the registry cannot tell which it took. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
