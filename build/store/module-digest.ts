import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readAtOnce } from '../host/read-at-once.ts';
import { digestOf } from './canonical-json.ts';
import type { Sha256 } from './store.ts';

/**
 * `from './x.ts'`, `import './x.ts'`, `import('./x.ts')` of relative paths. Statements that import only types are left
 * out: they change no behaviour.
 */
const imports =
  /(?:^|[;\n}])\s*(?:import|(?:import|export)\b(?!\s+type\b)[^'";]*?\bfrom)\s*['"](\.{1,2}\/[^'"]+)['"]|\bimport\(\s*['"](\.{1,2}\/[^'"]+)['"]/g;

interface Source {
  readonly sha256: Sha256;
  readonly imports: readonly string[];
}

const sources = new Map<string, Source>();
const digests = new Map<string, Sha256>();

/** Digest of a module's source and of all that it imports by relative path, however deep. Read once a process. */
export function moduleDigest(moduleUrl: string): Sha256 {
  let digest = digests.get(moduleUrl);
  if (digest === undefined) {
    digest = digestClosure(fileURLToPath(moduleUrl));
    digests.set(moduleUrl, digest);
  }
  return digest;
}

function digestClosure(start: string): Sha256 {
  // Relative names, so that the folder in which Keelson lies does not matter.
  const lines = [...moduleSources(start)].map(
    ([path, sha256]) => `${relative(dirname(start), path)} ${sha256}\n`,
  );
  return digestOf(lines.sort().join(''));
}

/** The files that count for the digest of the module `start`, a path, with the digest of each. */
export function moduleSources(start: string): ReadonlyMap<string, Sha256> {
  const found = new Map<string, Sha256>();
  const visit = (path: string): void => {
    if (found.has(path)) return;
    const source = readSource(path);
    found.set(path, source.sha256);
    for (const imported of source.imports) visit(imported);
  };
  visit(start);
  return found;
}

function readSource(path: string): Source {
  let source = sources.get(path);
  if (source === undefined) {
    const text = readAtOnce(path).toString('utf8');
    source = {
      sha256: digestOf(text),
      imports: relativeImports(text).map((name) => resolve(dirname(path), name)),
    };
    sources.set(path, source);
  }
  return source;
}

/** What a module imports by relative path, types left out; sorted, each once. */
export function relativeImports(text: string): string[] {
  const code = text.replace(/^[ \t]*(\/\/|\/\*|\*).*$/gm, '');
  const names = [...code.matchAll(imports)].map((match) => match[1] ?? match[2] ?? '');
  return [...new Set(names)].sort();
}
