import type { LockedPackage } from '../debian/package.ts';
import type { Lockfile } from './lockfile.ts';

/** What changed between two lockfiles, a line each for people, sorted by package; nothing when they choose alike. */
export function describeLockChanges(before: Lockfile | undefined, after: Lockfile): string[] {
  const old = versionsByName(before);
  const now = versionsByName(after);
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names.flatMap((name) => {
    const was = old.get(name);
    const is = now.get(name);
    if (was === undefined) return [`added    ${name} ${is?.versions} (${is?.groups})`];
    if (is === undefined) return [`removed  ${name} ${was.versions} (${was.groups})`];
    if (was.versions !== is.versions)
      return [`changed  ${name} ${was.versions} → ${is.versions} (${is.groups})`];
    if (was.digests !== is.digests) return [`rebuilt  ${name} ${is.versions} (${is.groups})`];
    if (was.groups !== is.groups) return [`moved    ${name} ${is.versions} (${was.groups} → ${is.groups})`];
    return [];
  });
}

interface Choice {
  /** More than one where groups differ. */
  readonly versions: string;
  readonly digests: string;
  readonly groups: string;
}

function versionsByName(lockfile: Lockfile | undefined): Map<string, Choice> {
  const byName = Map.groupBy(Object.entries(lockfile?.packages ?? {}), ([, { name }]) => name);
  const join = (items: readonly string[]) => [...new Set(items)].sort().join(', ');
  return new Map(
    [...byName].map(([name, entries]) => {
      const of = (read: (locked: LockedPackage) => string) => join(entries.map(([, locked]) => read(locked)));
      const keys = new Set(entries.map(([key]) => key));
      const groups = Object.entries(lockfile?.groups ?? {}).filter(([, { packages }]) =>
        packages.some((key) => keys.has(key)),
      );
      return [
        name,
        {
          versions: of(({ version }) => version),
          digests: of(({ sha256 }) => sha256),
          groups: join(groups.map(([group]) => group)),
        },
      ];
    }),
  );
}
