import type { OpenedPackage } from '../debian/package.ts';

/** Fields that scanners match advisories by, in dpkg's order. */
const fields = [
  'Source',
  'Version',
  'Architecture',
  'Maintainer',
  'Section',
  'Priority',
  'Homepage',
] as const;

/**
 * A stanza of /var/lib/dpkg/status.d/<package>, where scanners find packages of images that have no dpkg. The summary is
 * the first line of the description.
 */
export function makeStatusStanza({ control }: Pick<OpenedPackage, 'control'>): string {
  const lines = [
    `Package: ${control.Package}`,
    'Status: install ok installed',
    ...fields.flatMap((field) => (control[field] === undefined ? [] : [`${field}: ${control[field]}`])),
    `Description: ${(control.Description ?? '').split('\n')[0]}`,
  ];
  return `${lines.join('\n')}\n`;
}
