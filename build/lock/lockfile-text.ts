import type { LockedPackage } from '../debian/package.ts';
import type { LockedImage } from '../oci-images/locked-image.ts';
import type { Lockfile } from './lockfile.ts';

/** The text of a lockfile: keys in one order, one line per choice, so that a person can review the difference. */
export function lockfileText(lockfile: Lockfile): string {
  const { format, recipe, requestDigest, archives, groups, images, packages } = lockfile;
  const fields = [
    `"format": ${format}`,
    `"recipe": ${JSON.stringify(recipe)}`,
    `"requestDigest": ${JSON.stringify(requestDigest)}`,
    `"archives": ${block(sortedEntries(archives).map(([suite, date]) => field(suite, JSON.stringify(date))))}`,
    `"groups": ${block(
      sortedEntries(groups).map(([name, group]) =>
        field(
          name,
          block([field('requested', list(group.requested)), field('packages', list(group.packages))]),
        ),
      ),
    )}`,
    ...(images === undefined
      ? []
      : [`"images": ${block(sortedEntries(images).map(([key, locked]) => field(key, imageText(locked))))}`]),
    `"packages": ${block(sortedEntries(packages).map(([key, locked]) => field(key, packageText(locked))))}`,
  ];
  return `${block(fields)}\n`;
}

/** Version and digest, which change together, on neighbouring lines. */
function packageText({
  name,
  version,
  architecture,
  archive,
  suite,
  path,
  sizeBytes,
  sha256,
}: LockedPackage): string {
  const lines = [
    { name, version, architecture },
    { archive, suite, path },
    { sizeBytes, sha256 },
  ];
  return block(lines.map((line) => sameLine(line)));
}

function imageText({ image, digest, manifestSha256, manifestBytes }: LockedImage): string {
  return block([{ image }, { digest }, { manifestSha256, manifestBytes }].map((line) => sameLine(line)));
}

function sameLine(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(([key, value]) => field(key, JSON.stringify(value)))
    .join(', ');
}

function field(key: string, text: string): string {
  return `${JSON.stringify(key)}: ${text}`;
}

function list(items: readonly string[]): string {
  return items.length === 0 ? '[]' : `[\n${indented(items.map((item) => JSON.stringify(item)))}\n]`;
}

function block(fields: readonly string[]): string {
  return fields.length === 0 ? '{}' : `{\n${indented(fields)}\n}`;
}

function indented(parts: readonly string[]): string {
  return parts.map((part) => `  ${part.replaceAll('\n', '\n  ')}`).join(',\n');
}

function sortedEntries<T>(record: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
