import { readFile, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatBytes } from '../errors/format-quantity.ts';
import type { BuildHost } from './build-host.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly verdict: 'good' | 'warning' | 'bad';
  readonly what: string;
  /** What to do about it. */
  readonly hint?: string;
}

export interface ExamineOptions {
  readonly storeRoot: string;
  /** Base addresses of the Debian mirrors in this computer's own configuration. */
  readonly mirrors: readonly string[];
}

/** A cold build of `minimal` with its tools and QEMU takes about this much. */
const neededBytes = 4 * 1024 ** 3;
const oldestNode = [22, 18] as const;

/** Looks at everything a build or a run needs of this computer; changes nothing. */
export async function examineComputer(host: BuildHost, options: ExamineOptions): Promise<Finding[]> {
  return [
    examineSystem(),
    examineNode(process.versions.node),
    await examineIsolation(host),
    await examineSpace(options.storeRoot),
    await examineWritable(options.storeRoot),
    await examineMirrors(host, options.mirrors),
  ];
}

function examineSystem(): Finding {
  if (process.platform !== 'linux') {
    return {
      verdict: 'bad',
      what: `the system is ${process.platform}`,
      hint: 'build on Linux, or in a Linux virtual machine',
    };
  }
  return process.arch === 'x64'
    ? { verdict: 'good', what: 'Linux on x86-64' }
    : {
        verdict: 'bad',
        what: `the processor is ${process.arch}; the tools are locked for x86-64`,
        hint: 'build on an x86-64 computer; recipes for arm64 build there too',
      };
}

/** Node runs TypeScript as it is from 22.18 on. */
export function examineNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNew = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  return isNew
    ? { verdict: 'good', what: `Node ${version}` }
    : {
        verdict: 'bad',
        what: `Node ${version} cannot run TypeScript`,
        hint: 'start the builder with ./keelson, which uses the pinned Node of node_modules',
      };
}

/** The tools run in namespaces of their own; ordinary users need user namespaces for that. */
async function examineIsolation(host: BuildHost): Promise<Finding> {
  const user = host.isRoot ? [] : ['--user', '--map-root-user'];
  try {
    const result = await host.run({ file: 'unshare', arguments: [...user, '--mount', '--net', 'true'] });
    if (result.exitCode === 0) {
      return { verdict: 'good', what: host.isRoot ? 'mount namespaces work' : 'user namespaces work' };
    }
    return {
      verdict: 'bad',
      what: `namespaces are refused: ${result.stderr.trim()}`,
      hint: await isolationHint(host),
    };
  } catch (error) {
    return {
      verdict: 'warning',
      what: `namespaces could not be tried: ${(error as Error).message}`,
      hint: 'a build brings its own unshare(1) and will tell',
    };
  }
}

async function isolationHint(host: BuildHost): Promise<string> {
  if (host.isRoot)
    return 'give this container the right to unshare (CAP_SYS_ADMIN), or build as an ordinary user';
  const restriction = await readSetting('/proc/sys/kernel/apparmor_restrict_unprivileged_userns');
  if (restriction === '1')
    return 'sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or build as root';
  const clone = await readSetting('/proc/sys/kernel/unprivileged_userns_clone');
  if (clone === '0') return 'sudo sysctl kernel.unprivileged_userns_clone=1, or build as root';
  const most = await readSetting('/proc/sys/user/max_user_namespaces');
  if (most === '0') return 'sudo sysctl user.max_user_namespaces=10000, or build as root';
  return 'allow user namespaces, or build as root';
}

async function readSetting(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}

async function examineSpace(storeRoot: string): Promise<Finding> {
  const space = await statfs(await nearestFolder(storeRoot));
  const freeBytes = space.bavail * space.bsize;
  const what = `${formatBytes(freeBytes)} free for the store (${storeRoot})`;
  return freeBytes >= neededBytes
    ? { verdict: 'good', what }
    : {
        verdict: 'warning',
        what,
        hint: `free some space (${formatBytes(neededBytes)} are comfortable), or set XDG_CACHE_HOME to a larger disk`,
      };
}

async function examineWritable(storeRoot: string): Promise<Finding> {
  const folder = await nearestFolder(storeRoot);
  const { uid, mode } = await stat(folder);
  const isOurs = process.getuid?.() === 0 || uid === process.getuid?.() || (mode & 0o002) !== 0;
  return isOurs
    ? { verdict: 'good', what: 'the store can be written' }
    : {
        verdict: 'bad',
        what: `${folder} belongs to another user`,
        hint: 'set XDG_CACHE_HOME to a folder of yours',
      };
}

async function nearestFolder(path: string): Promise<string> {
  const isThere = await stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
  return isThere || path === '/' ? path : nearestFolder(dirname(path));
}

async function examineMirrors(host: BuildHost, mirrors: readonly string[]): Promise<Finding> {
  const [first] = mirrors;
  if (first === undefined) {
    return {
      verdict: 'warning',
      what: 'no Debian mirror is configured; the dated public archive will be used, which is slow',
      hint: 'set KEELSON_MIRROR, or give --mirror',
    };
  }
  try {
    const reply = await host.download(`${first.replace(/\/$/, '')}/dists/stable/Release`);
    for await (const _chunk of reply.body) break;
    return reply.status === 200
      ? { verdict: 'good', what: `Debian mirror ${first} answers` }
      : {
          verdict: 'warning',
          what: `Debian mirror ${first} answers with ${reply.status}`,
          hint: 'give another with --mirror',
        };
  } catch (error) {
    return {
      verdict: 'warning',
      what: `Debian mirror ${first} does not answer: ${(error as Error).message}`,
      hint: 'check the network, or give another mirror with --mirror; what is in the store needs none',
    };
  }
}
