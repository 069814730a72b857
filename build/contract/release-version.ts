/**
 * Versions of a release, `YYYY.MM.N`, as recipes, bundles, channels and boot loader entries have them: numbers only, for
 * SemVer and systemd-boot sort what follows a dash in opposite ways. Pure; QuickJS reads it too.
 */
export const releaseVersionPattern = /^(2[0-9]{3})\.(0[1-9]|1[0-2])\.(0|[1-9][0-9]{0,5})$/;

/**
 * A number that grows with the version, for comparisons by programs that know nothing of versions: year, month in two
 * digits, then N in six: 2026.11.3 → 202611000003. `undefined` when it is no version.
 */
export function sequenceOf(version: string): number | undefined {
  const [, year, month, count] = releaseVersionPattern.exec(version) ?? [];
  return count === undefined ? undefined : Number(`${year}${month}${count.padStart(6, '0')}`);
}

/** Below 0 when `one` is older; text that is no version is older than every version. */
export function compareVersions(one: string, other: string): number {
  return (sequenceOf(one) ?? -1) - (sequenceOf(other) ?? -1);
}

/** `count` releases after it, in the same month. */
export function nextVersion(version: string, count: number): string {
  const last = version.lastIndexOf('.');
  return `${version.slice(0, last)}.${Number(version.slice(last + 1)) + count}`;
}
