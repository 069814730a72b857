import { join } from 'node:path';
import { repositoryFolder } from '../../qemu-tests/support/test-workshop.ts';
import { openLockedPackages } from '../debian/open-packages.ts';
import { readLockfile } from '../lock/lockfile-io.ts';
import { loadRecipe } from '../recipe/load-recipe.ts';
import type { Workshop } from '../tools/workshop.ts';
import { type LayerMember, makeOciLayout } from './make-oci-layout.ts';
import { startTestRegistry, type TestRegistry } from './oci-registry.ts';

/** Debian's busybox, that needs no library, in a root that is nothing like Debian's. */
export async function busyboxLayer(
  workshop: Workshop,
  applets: readonly string[],
): Promise<readonly LayerMember[]> {
  const recipe = await loadRecipe({ name: 'minimal', repositoryFolder, workingFolder: repositoryFolder });
  const packages = await openLockedPackages(workshop, recipe, await readLockfile(recipe));
  const busybox = packages
    .group('initramfs')
    .map(({ entries }) => entries.get('/usr/bin/busybox'))
    .find((node) => node?.type === 'file');
  if (busybox?.type !== 'file') throw new Error('minimal has no busybox');
  const links = applets.map((name) => ({
    name: `bin/${name}`,
    type: 'symlink' as const,
    linkname: 'busybox',
  }));
  return [{ name: 'bin/busybox', content: await busybox.content.read(), mode: 0o755 }, ...links];
}

/** Copies tag `tag` of the OCI layout `layoutFolder` to `name:tag` of the registry. */
export async function pushImage(
  workshop: Workshop,
  registry: TestRegistry,
  image: { readonly layoutFolder: string; readonly name: string; readonly tag: string },
): Promise<void> {
  const tools = await workshop.openTools('oci');
  await tools.run({
    file: '/usr/bin/skopeo',
    arguments: [
      '--insecure-policy',
      'copy',
      `oci:${image.layoutFolder}:${image.tag}`,
      `docker://${registry.address}/${image.name}:${image.tag}`,
    ],
    environment: { SSL_CERT_FILE: registry.authority },
    readOnly: [image.layoutFolder, registry.authority],
    hasNetwork: true,
  });
}

/**
 * A registry with `team/box:1.0`: what engines of users are tried with. It waits when it is told nothing else, and has a
 * page in /www. `folder` must be empty.
 */
export async function startBoxRegistry(workshop: Workshop, folder: string): Promise<TestRegistry> {
  const layoutFolder = join(folder, 'box');
  const applets = ['cat', 'echo', 'httpd', 'id', 'ls', 'sh', 'sleep', 'wget'];
  await makeOciLayout(layoutFolder, {
    '1.0': {
      layers: [
        await busyboxLayer(workshop, applets),
        [
          { name: 'etc/passwd', content: 'root:x:0:0::/:/bin/sh\n', mode: 0o644 },
          { name: 'www/index.html', content: 'hello from a container\n', mode: 0o644 },
        ],
      ],
      config: { Env: ['PATH=/bin'], Cmd: ['/bin/sleep', '1000000'] },
    },
  });
  const registry = await startTestRegistry(workshop, join(folder, 'registry'));
  await pushImage(workshop, registry, { layoutFolder, name: 'team/box', tag: '1.0' });
  return registry;
}
