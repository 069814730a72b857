import type { LockedPackage } from '../debian/package.ts';
import type { Lockfile } from './lockfile.ts';

/**
 * What changed between two lockfiles, a line each for people, sorted by service and package; nothing when they choose alike.
 */
export function describeLockChanges(before: Lockfile | undefined, after: Lockfile): string[] {
  return [...describeImageChanges(before, after), ...describePackageChanges(before, after)];
}

/** A tag that names something else than when it was locked is the reason to look closely. */
function describeImageChanges(before: Lockfile | undefined, after: Lockfile): string[] {
  const old = before?.images ?? {};
  const now = after.images ?? {};
  const owners = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort();
  return owners.flatMap((owner) => {
    const was = old[owner];
    const is = now[owner];
    const whose = owner.includes('/') ? `(${owner})` : `(service/${owner})`;
    if (was === undefined)
      return is === undefined ? [] : [`added    image ${is.image} ${is.digest} ${whose}`];
    if (is === undefined) return [`removed  image ${was.image} ${was.digest} ${whose}`];
    if (was.digest === is.digest && was.manifestSha256 === is.manifestSha256) return [];
    const change = was.digest === is.digest ? is.digest : `${was.digest} → ${is.digest}`;
    const name = was.image === is.image ? is.image : `${was.image} → ${is.image}`;
    return [`changed  image ${name} ${change} ${whose}`];
  });
}

function describePackageChanges(before: Lockfile | undefined, after: Lockfile): string[] {
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
