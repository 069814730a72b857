import { writeFile } from 'node:fs/promises';
import type { DebianArchitecture, LockedPackage } from '../debian/package.ts';
import type { Place } from '../errors/keelson-error.ts';
import { createBuildHost } from '../host/node-host.ts';
import { packageKey } from '../lock/package-key.ts';
import { type SolveGroup, solveGroups } from '../lock/solve.ts';
import { defaultStoreRoot, openStore } from '../store/open-store.ts';
import { createToolsOpener } from './open-tools.ts';
import { type ToolsLock, type ToolsLockPart, toolsLockFormat, toolsLockPath } from './tools-lock.ts';
import { type ToolsetName, toolsetNames } from './tools-tree.ts';
import { readToolsets, type Toolsets } from './toolsets.ts';
import type { Workshop } from './workshop.ts';

/** Architectures of computers that can build. */
const buildArchitectures: readonly DebianArchitecture[] = ['amd64'];

/** Solves toolsets.yaml with the solver that tools.lock.json has now: run by hand, the result is reviewed. */
export async function lockTools(workshop: Workshop, toolsets: Toolsets): Promise<ToolsLock> {
  const architectures: Partial<Record<DebianArchitecture, ToolsLockPart>> = {};
  for (const architecture of buildArchitectures) {
    const groups = solveGroupsOf(toolsets);
    const solution = await solveGroups(workshop, { architecture, suites: toolsets.suites, groups });
    architectures[architecture] = lockPart(toolsets, solution.archives, solution.solved);
  }
  const omittedPaths = toolsets.omittedPaths.map(({ path }) => path).sort();
  return { format: toolsLockFormat, omittedPaths, architectures };
}

function solveGroupsOf(toolsets: Toolsets): SolveGroup[] {
  const place: Place = { file: 'build/tools/toolsets.yaml' };
  return toolsetNames.map((name) => {
    const { requests, isFilesOnly } = toolsets.toolsets[name];
    const all = isFilesOnly ? requests : [...requests, ...toolsets.isolation];
    return { name, requests: all.map((request) => ({ name: request.package })), place };
  });
}

function lockPart(
  toolsets: Toolsets,
  archives: ToolsLockPart['archives'],
  solved: ReadonlyMap<string, readonly LockedPackage[]>,
): ToolsLockPart {
  const omitted = new Set(toolsets.omitted.map((request) => request.package));
  const packages = new Map<string, LockedPackage>();
  const keysOf = (name: ToolsetName): string[] => {
    const { requests, isFilesOnly } = toolsets.toolsets[name];
    const requested = new Set(requests.map((request) => request.package));
    const kept = (solved.get(name) ?? []).filter((locked) =>
      isFilesOnly ? requested.has(locked.name) : !omitted.has(locked.name),
    );
    for (const locked of kept) packages.set(packageKey(locked), locked);
    return kept.map(packageKey).sort();
  };
  const keys: Record<ToolsetName, readonly string[]> = {
    solver: keysOf('solver'),
    image: keysOf('image'),
    machine: keysOf('machine'),
    'machine-arm64': keysOf('machine-arm64'),
    update: keysOf('update'),
    keys: keysOf('keys'),
    serve: keysOf('serve'),
    confine: keysOf('confine'),
    oci: keysOf('oci'),
    cosign: keysOf('cosign'),
    'oci-serve': keysOf('oci-serve'),
    schemas: keysOf('schemas'),
  };
  const sorted = [...packages].sort(([left], [right]) => (left < right ? -1 : 1));
  return { archives, toolsets: keys, packages: Object.fromEntries(sorted) };
}

if (import.meta.main) {
  const host = createBuildHost();
  const emit = (): void => undefined;
  const store = await openStore({ root: defaultStoreRoot(host), host });
  const workshop = { host, store, emit, openTools: createToolsOpener({ host, store, emit }) };
  const lock = await lockTools(workshop, await readToolsets());
  await writeFile(toolsLockPath, `${JSON.stringify(lock, null, 2)}\n`);
}
