import { posix } from 'node:path';
import { editDistance } from '../errors/nearest-name.ts';

/** Up to three paths that somebody may have meant: the same name elsewhere first, then names spelled nearly so. */
export function nearPaths(wanted: string, paths: readonly string[]): readonly string[] {
  const name = posix.basename(wanted);
  const farthest = Math.min(3, Math.max(1, Math.floor(name.length / 3)));
  return paths
    .map((path) => ({ path, name: posix.basename(path) }))
    .filter((candidate) => Math.abs(candidate.name.length - name.length) <= farthest)
    .map((candidate) => ({ path: candidate.path, distance: editDistance(name, candidate.name) }))
    .filter(({ distance }) => distance <= farthest)
    .sort((one, other) => one.distance - other.distance || (one.path < other.path ? -1 : 1))
    .slice(0, 3)
    .map(({ path }) => path);
}
