import { KeelsonError, type Place } from '../errors/keelson-error.ts';
import { unsigned } from './release-file.ts';

/**
 * What apt's words about an index mean. apt is only ever given local copies, so what it says is about their
 * signatures, dates and digests.
 */
export function indexFault(lines: readonly string[], cause: unknown): KeelsonError {
  const suite = suiteOf(lines);
  const expired = find(lines, /is expired \(invalid since ([^)]+)\)/);
  if (expired !== undefined) {
    return new KeelsonError({
      code: 'ARCHIVE_EXPIRED',
      class: 'network',
      message: `Cannot trust the index of ${suite}: it has been out of date for ${expired}`,
      hint: "Check this computer's clock; if it is right, use a mirror that is kept up to date.",
      cause,
    });
  }
  const early = find(lines, /is not valid yet \(invalid for another ([^)]+)\)/);
  if (early !== undefined) {
    return new KeelsonError({
      code: 'ARCHIVE_NOT_YET_VALID',
      class: 'environment',
      message: `Cannot trust the index of ${suite}: it is from ${early} in the future`,
      hint: "Set this computer's clock.",
      cause,
    });
  }
  if (find(lines, /(Hash Sum mismatch|unexpected size)/) !== undefined) {
    return new KeelsonError({
      code: 'ARCHIVE_DAMAGED',
      class: 'network',
      message: `Cannot trust the index of ${suite}: its package list is not the one that its signature covers`,
      hint: 'Lock again; if it happens again, use another mirror.',
      cause,
    });
  }
  const reason =
    find(lines, /error message is: (?:Verifying signature: +)?(.+?)(?: Verifying signature:.*)?$/) ??
    find(lines, /(Splitting up) /)?.replace(/.*/, 'the signed message is cut off') ??
    find(lines, /(The following signatures .*)/) ??
    lines.findLast((line) => line.startsWith('E: '));
  return unsigned(suite, `its signature is not good (${reason ?? 'apt does not say why'})`, cause);
}

/** A group of packages that apt cannot bring together. */
export function solveFault(
  group: string,
  place: Place | undefined,
  lines: readonly string[],
  cause: unknown,
): KeelsonError {
  const reasons = lines.filter((line) => /^\s.*(Depends|Conflicts|Breaks|PreDepends): /.test(line));
  const last = lines.findLast((line) => line.startsWith('E: '))?.slice(3);
  return new KeelsonError({
    code: 'PACKAGES_UNSOLVABLE',
    class: 'input',
    message: `Cannot find packages for ${group} that go together: ${oneLine(reasons) || last || 'apt gives no reason'}`,
    ...(place === undefined ? {} : { place }),
    hint: 'Ask for fewer packages, or take them from one suite.',
    cause,
  });
}

function oneLine(reasons: readonly string[]): string {
  return reasons
    .slice(0, 5)
    .map((reason) => reason.trim().replace(/\s+/g, ' '))
    .join('; ');
}

function suiteOf(lines: readonly string[]): string {
  return (
    find(lines, /^E: .*\/dists\/([^/\s]+)\//) ??
    find(lines, /^E: The repository '\S+ (\S+) /) ??
    find(lines, /\/dists\/([^/\s]+)\//) ??
    find(lines, /\/debian(?:-security)? (\S+) InRelease/) ??
    'an archive'
  );
}

function find(lines: readonly string[], pattern: RegExp): string | undefined {
  for (const line of lines) {
    const [, found] = pattern.exec(line) ?? [];
    if (found !== undefined) return found;
  }
  return undefined;
}
