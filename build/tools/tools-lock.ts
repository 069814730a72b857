import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { DebianArchitecture, LockedPackage } from '../debian/package.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { ToolsetName } from './tools-tree.ts';

/** Format version of `tools.lock.json`. */
export const toolsLockFormat = 1;

/** `build/tools/tools.lock.json`, written by `lock-tools.ts`: which packages make each toolset. */
export interface ToolsLock {
  readonly format: typeof toolsLockFormat;
  /** Paths of files that are not unpacked; one that ends in `/` stands for all below. */
  readonly omittedPaths: readonly string[];
  /** By architecture of the computer that builds. */
  readonly architectures: Readonly<Partial<Record<DebianArchitecture, ToolsLockPart>>>;
}

export interface ToolsLockPart {
  /** By suite: the date of its InRelease, ISO 8601. */
  readonly archives: Readonly<Record<string, string>>;
  /** Keys into `packages`, sorted. */
  readonly toolsets: Readonly<Record<ToolsetName, readonly string[]>>;
  /** By `name_version_architecture`. */
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

export const toolsLockPath = fileURLToPath(new URL('tools.lock.json', import.meta.url));

/** Names of architectures: Node's to Debian's. */
const debianArchitectures: Readonly<Record<string, DebianArchitecture>> = { x64: 'amd64', arm64: 'arm64' };

export async function readToolsLock(): Promise<ToolsLock> {
  return JSON.parse(await readFile(toolsLockPath, 'utf8')) as ToolsLock;
}

/** The part for a computer whose `process.arch` is `nodeArchitecture`. */
export function toolsLockPart(lock: ToolsLock, nodeArchitecture: string): ToolsLockPart {
  const architecture = debianArchitectures[nodeArchitecture];
  const part = architecture === undefined ? undefined : lock.architectures[architecture];
  if (part === undefined) {
    const known = Object.keys(lock.architectures).sort().join(', ');
    throw new KeelsonError({
      code: 'TOOLS_ARCHITECTURE_UNSUPPORTED',
      class: 'unsupported',
      message: `Cannot open the tools: they are locked for ${known}, and this computer is ${architecture ?? nodeArchitecture}`,
      hint: `Build on a computer that is one of: ${known}.`,
    });
  }
  return part;
}

/** The packages of one toolset, in the order of the lock. */
export function toolsetPackages(part: ToolsLockPart, name: ToolsetName): LockedPackage[] {
  return part.toolsets[name].map((key) => {
    const locked = part.packages[key];
    if (locked === undefined) {
      throw new KeelsonError({
        code: 'TOOLS_LOCK_INVALID',
        class: 'internal',
        message: `Cannot open the tools: toolset ${name} names ${key}, which tools.lock.json does not have`,
        hint: 'Run `node build/tools/lock-tools.ts`.',
      });
    }
    return locked;
  });
}
