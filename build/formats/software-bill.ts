import type { LockedPackage } from '../debian/package.ts';
import { deriveGuid } from '../disk/derive-guid.ts';
import type { LockedImage } from '../oci-images/locked-image.ts';
import type { Recipe } from '../recipe/recipe.ts';

/** Debian's version numbers, which scanners want; other suites are named as they are. */
const releases: Readonly<Record<string, string>> = { bookworm: '12', trixie: '13', forky: '14' };

/**
 * The software bill of materials as CycloneDX 1.6 JSON, https://cyclonedx.org/docs/1.6/json/: every package that gave a
 * file, as a package URL (`pkg:deb/…`) by which scanners find Debian's advisories, and every OCI image. No time and no random number in it.
 */
export function writeSoftwareBill(
  recipe: Recipe,
  rootHash: string,
  packages: readonly LockedPackage[],
  images: readonly LockedImage[] = [],
): string {
  const unique = new Map(packages.map((locked) => [packageUrl(locked), locked]));
  const release = releaseOf(recipe.suites[0] ?? '');
  const bill = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${deriveGuid(recipe.name, recipe.version, rootHash, 'sbom')}`,
    version: 1,
    metadata: {
      component: {
        type: 'operating-system',
        'bom-ref': `${recipe.name}@${recipe.version}`,
        name: recipe.name,
        version: recipe.version,
        hashes: [{ alg: 'SHA-256', content: rootHash }],
      },
    },
    components: [
      { type: 'operating-system', 'bom-ref': `debian@${release}`, name: 'debian', version: release },
      ...[...unique]
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([purl, locked]) => ({
          type: 'library',
          'bom-ref': purl,
          name: locked.name,
          version: locked.version,
          purl,
          hashes: [{ alg: 'SHA-256', content: locked.sha256 }],
        })),
      ...images.map(imageComponent),
    ],
  };
  return `${JSON.stringify(bill, null, 2)}\n`;
}

/** An image that a service’s root is from, or a user’s container: what is in it, its own bill says. */
function imageComponent({ image, digest }: LockedImage) {
  const [name = image] = image.split(/[@]|:(?=[^/]*$)/);
  const purl = `pkg:oci/${encodeURIComponent(name.split('/').at(-1) ?? name)}@${encodeURIComponent(digest)}?repository_url=${encodeURIComponent(name)}`;
  return {
    type: 'container',
    'bom-ref': purl,
    name: image,
    version: digest,
    purl,
    hashes: [{ alg: 'SHA-256', content: digest.slice('sha256:'.length) }],
  };
}

/** https://github.com/package-url/purl-spec; advisories are by source package, which the pool's folder is named after. */
function packageUrl(locked: LockedPackage): string {
  const source = locked.path.split('/').at(-2) ?? locked.name;
  const qualifiers = [
    `arch=${locked.architecture}`,
    `distro=debian-${releaseOf(locked.suite)}`,
    ...(source === locked.name ? [] : [`upstream=${encodeURIComponent(source)}`]),
  ];
  const name = encodeURIComponent(locked.name);
  return `pkg:deb/debian/${name}@${encodeURIComponent(locked.version)}?${qualifiers.join('&')}`;
}

/** `trixie-security` is of the release that `trixie` is. */
function releaseOf(suite: string): string {
  const base = suite.split('-')[0] ?? suite;
  return releases[base] ?? base;
}
