import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { BuildHost } from '../host/build-host.ts';
import { openStore } from '../store/open-store.ts';
import type { ToolCommand, ToolsTree } from '../tools/tools-tree.ts';
import type { Workshop } from '../tools/workshop.ts';
import { sha256Of } from './make-deb.ts';

const crunPath = 'pool/main/c/crun/crun_1.21-1%7e_amd64.deb';
const packages = [
  ['crun', '1.21-1~', crunPath.replace('%7e', '~')],
  ['openssh-server', '1:10.0-1', 'pool/main/o/openssh/openssh-server_10.0-1_amd64.deb'],
]
  .map(
    ([name, version, path]) =>
      `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nFilename: ${path}\nSize: 7\nSHA256: ${'c'.repeat(64)}\n`,
  )
  .join('\n');
/** The fake apt does not look into it. */
export const packagesXz = 'not really compressed';

/** A signed index of trixie; the signature is made up. */
export function inRelease(): string {
  return `-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Suite: stable
Codename: trixie
Date: Sat, 12 Sep 2026 07:55:41 UTC
Acquire-By-Hash: yes
SHA256:
 ${sha256Of(packagesXz)} ${packagesXz.length} main/binary-amd64/Packages.xz
-----BEGIN PGP SIGNATURE-----

made up
-----END PGP SIGNATURE-----
`;
}

/** What the fake apt complains of; nothing when left out. */
export interface AptSays {
  readonly update?: string;
  readonly install?: string;
}

/** A workshop with a mirror that has these indexes, an apt that says this, and its store in `root`. */
export async function makeAptWorkshop(
  root: string,
  indexes: Readonly<Record<string, string>>,
  says: AptSays = {},
): Promise<{ readonly workshop: Workshop; readonly asked: string[] }> {
  const asked: string[] = [];
  const host: BuildHost = {
    environmentVariable: (name) => (name === 'KEELSON_MIRROR' ? 'http://mirror.example' : undefined),
    now: () => Date.parse('2026-11-21T00:00:00Z'),
    elapsedMs: () => 0,
    signal: new AbortController().signal,
    cpuCount: 1,
    isRoot: false,
    run: () => Promise.reject(new Error('no processes')),
    wait: () => Promise.resolve(),
    async download(url) {
      const [, suite = '', file] = /\/dists\/([^/]+)\/(.*)$/.exec(url) ?? [];
      asked.push(url);
      const text = file === 'InRelease' ? indexes[suite] : packagesXz;
      const body = (async function* () {
        yield Buffer.from(text ?? '');
      })();
      return { status: text === undefined ? 404 : 200, headers: {}, body };
    },
  };
  const store = await openStore({ root, host });
  const tools = {
    run: (command: ToolCommand, options) => fakeApt(command, options?.onLine, says, asked),
  } as ToolsTree;
  return { workshop: { host, store, emit: () => undefined, openTools: async () => tools }, asked };
}

async function fakeApt(
  command: ToolCommand,
  onLine: ((line: string) => void) | undefined,
  says: AptSays,
  asked: string[],
) {
  const [verb] = command.arguments;
  const [folder = ''] = command.writable ?? [];
  const complaint = verb === 'update' ? says.update : says.install;
  if (complaint !== undefined) {
    for (const line of complaint.split('\n')) onLine?.(line);
    throw new KeelsonError({ code: 'TOOL_FAILED', class: 'environment', message: complaint });
  }
  if (verb === 'update') {
    const lists = join(folder, 'state/lists');
    const suites = await readdir(join(folder, 'archives/debian/dists'));
    for (const suite of suites)
      await writeFile(join(lists, `x_dists_${suite}_main_binary-amd64_Packages`), packages);
    return { exitCode: 0, stdout: '', stderr: '' };
  }
  asked.push(`${command.arguments.slice(command.arguments.indexOf('--') + 1).join(' ')}`);
  asked.push(
    ...(await readFile(join(folder, 'preferences'), 'utf8')).split('\n').filter((line) => line !== ''),
  );
  const stdout = `Reading package lists...\n'file:${folder}/archives/debian/${crunPath}' crun_1.21-1~_amd64.deb 7 MD5Sum:x\n`;
  return { exitCode: 0, stdout, stderr: '' };
}
