import { openLockedPackages } from '../../build/debian/open-packages.ts';
import { readLockfile } from '../../build/lock/lockfile-io.ts';
import { loadRecipe } from '../../build/recipe/load-recipe.ts';
import type { LayerMember } from '../../build/testing/make-oci-layout.ts';
import type { TestRegistry } from '../../build/testing/oci-registry.ts';
import type { Workshop } from '../../build/tools/workshop.ts';
import { repositoryFolder } from './test-workshop.ts';

/** A layer of Debian's static busybox and links to it in `/bin`: a root that is nothing like Debian's. */
export async function busyboxLayer(workshop: Workshop, applets: readonly string[]): Promise<LayerMember[]> {
  const recipe = await loadRecipe({ name: 'minimal', repositoryFolder, workingFolder: repositoryFolder });
  const packages = await openLockedPackages(workshop, recipe, await readLockfile(recipe));
  const busybox = packages
    .group('initramfs')
    .map(({ entries }) => entries.get('/usr/bin/busybox'))
    .find((node) => node?.type === 'file');
  if (busybox?.type !== 'file') throw new Error('minimal has no busybox');
  return [
    { name: 'bin/busybox', content: await busybox.content.read(), mode: 0o755 },
    ...applets.map((name) => ({ name: `bin/${name}`, type: 'symlink' as const, linkname: 'busybox' })),
  ];
}

/** From a folder of the OCI image layout to the registry, by the same tag. */
export async function pushImage(
  workshop: Workshop,
  { address, authority }: TestRegistry,
  layout: string,
  tag: string,
  repository: string,
): Promise<void> {
  const tools = await workshop.openTools('oci');
  const words = ['copy', `oci:${layout}:${tag}`, `docker://${address}/${repository}:${tag}`];
  await tools.run({
    file: '/usr/bin/skopeo',
    arguments: ['--insecure-policy', ...words],
    environment: { SSL_CERT_FILE: authority },
    readOnly: [layout, authority],
    hasNetwork: true,
  });
}
