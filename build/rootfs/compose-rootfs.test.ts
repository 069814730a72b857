import { describe, expect, test } from '@jest/globals';
import type { PackageSet } from '../debian/package-set.ts';
import { FaultsError } from '../errors/keelson-error.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { OciBundle } from '../services/oci-bundle.ts';
import type { FileRequest, ServiceDefinition } from '../services/service-definition.ts';
import type { Workshop } from '../tools/workshop.ts';
import { bytesOf } from './byte-source.ts';
import { composeRootfs } from './compose-rootfs.ts';
import { fakePackage } from './testing/fake-package.ts';
import type { Tree, TreeNode } from './tree.ts';

const place = { file: '/recipes/r/recipe.yaml', line: 1 };
const owned = { mode: 0o644, uid: 0, gid: 0, place };
const crun = fakePackage('crun', { '/usr/bin/crun': 'shared' });
const unused = fakePackage('unused', { '/usr/bin/unused': 'x' });
const linux = fakePackage('linux-image', {});
const nginx = fakePackage('nginx', { '/usr/sbin/nginx': 'shared' });

const packages: PackageSet = {
  archiveDate: '2026-11-20T14:00:00.000Z',
  group: (name) => ({ base: [crun, unused], kernel: [linux], 'service/web': [nginx] })[name] ?? [],
};
const kernel = {
  rootModules: new Map([['/usr/lib/modules/6.12/a.ko', node('a module', 'package linux-image')]]),
} as unknown as Kernel;

const service = {
  name: 'web',
  description: 'Serves pages',
  kind: 'long-running',
  needs: [],
  needsHealthy: [],
  mounts: [],
  after: ['log'],
  stop: { signal: 'SIGTERM', timeoutSeconds: 5 },
  resources: { memoryReserveBytes: 8 },
  writable: ['/var/cache/web', '/var/lib/web'],
  user: { uid: 33, gid: 33 },
  files: [{ kind: 'folder', path: '/var/lib/web', ...owned, mode: 0o750, uid: 7 }],
  commands: [],
  starts: [],
  modules: [],
  health: undefined,
} as unknown as ServiceDefinition;

const bundle: OciBundle = {
  service,
  config: { ociVersion: '1.2.0' },
  root: new Map<string, TreeNode>([
    ['/', { type: 'folder', mode: 0o755, uid: 0, gid: 0, origin: 'builder' }],
    ['/usr/sbin/nginx', node('shared', 'package nginx')],
    ['/var/lib/web', { type: 'folder', mode: 0o750, uid: 7, gid: 0, origin: 'service web' }],
  ]),
  policy: bytesOf('policy'),
  stanza: 'service web\n',
  packages: [nginx.locked],
  builtInImages: [],
};

describe('composeRootfs', () => {
  test('base, modules, services and descriptions, each where the machine looks for it', async () => {
    const composed = await compose([]);
    const paths = [...composed.tree].filter(([, each]) => each.type !== 'folder').map(([path]) => path);
    expect(paths.sort().join('\n')).toMatchInlineSnapshot(`
"/bin
/etc/finit.d/web.conf
/etc/os-release
/lib
/lib64
/sbin
/usr/bin/crun
/usr/lib/keelson/engine.json
/usr/lib/keelson/services/web/apparmor
/usr/lib/keelson/services/web/config.json
/usr/lib/keelson/services/web/rootfs/usr/sbin/nginx
/usr/lib/modules/6.12/a.ko
/usr/lib/os-release
/var/lib/dpkg/status.d/crun
/var/lib/dpkg/status.d/linux-image
/var/lib/dpkg/status.d/nginx"
`);
    expect(composed.packages.map(({ name }) => name)).toEqual(['crun', 'linux-image', 'nginx']);
  });

  test('sizes by part: what two parts share counts to the first', async () => {
    const { sizes } = await compose([]);
    const lines = sizes
      .slice(0, 3)
      .map((each) => `${each.part}: ${each.sizeBytes} bytes, ${each.fileCount} files`);
    expect(lines).toEqual([
      'base: 6 bytes, 1 files',
      'kernel modules: 8 bytes, 1 files',
      'service web: 40 bytes, 4 files',
    ]);
  });

  test('engine.json: the time is that of the archive, folders on state as their owners want them', async () => {
    const { tree } = await compose([]);
    const engine = JSON.parse(await textAt(tree, '/usr/lib/keelson/engine.json'));
    expect(engine).toMatchObject({ format: 1, recipe: 'r', version: '2026.11.0', builtAt: 1795183200 });
    expect(engine.services[0].stateFolders).toEqual([
      { path: '/var/lib/keelson/services/web/var-cache-web', uid: 33, gid: 33, mode: 0o700 },
      { path: '/var/lib/keelson/services/web/var-lib-web', uid: 7, gid: 0, mode: 0o750 },
    ]);
  });

  test('a service from an image has no packages; what the image has in a volume is to be copied', async () => {
    const image: OciBundle = {
      ...bundle,
      root: new Map([...bundle.root, ['/var/lib/web/page', node('page', 'OCI image')]]),
      packages: [],
      image: {
        locked: { image: 'quay.io/org/web:1', digest: 'sha256:', manifestSha256: '', manifestBytes: 1 },
        facts: { setIdFiles: 0, capabilityFiles: 0, devices: 0, pipes: 0 },
      },
      service: { ...service, name: 'image' },
    };
    const { tree } = await compose([], [image]);
    const engine = JSON.parse(await textAt(tree, '/usr/lib/keelson/engine.json'));
    expect(engine.services[0].stateFolders).toMatchObject([
      { path: '/var/lib/keelson/services/image/var-cache-web', mode: 0o700 },
      { mode: 0o750, content: '/usr/lib/keelson/services/image/rootfs/var/lib/web' },
    ]);
    expect(engine.services[0].stateFolders[0]).not.toHaveProperty('content');
  });

  test('a recipe that wants something else where a service has its configuration', async () => {
    const path = '/usr/lib/keelson/services/web/config.json';
    const error = await compose([{ kind: 'content', path, content: '{}', ...owned }]).catch(
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(FaultsError);
    expect((error as FaultsError).faults.map(({ code, message }) => `${code} ${message}`)).toEqual([
      `PATH_CONFLICT Cannot put two different things at ${path}: recipe r (a file) and service web (a file)`,
    ]);
  });
});

function compose(files: readonly FileRequest[], bundles: readonly OciBundle[] = [bundle]) {
  const recipe = {
    name: 'r',
    version: '2026.11.0',
    description: '',
    hostname: 'box',
    architecture: 'x86-64',
    users: [],
    disk: { headRoom: 2 },
    layers: [{ name: 'base', files: [{ kind: 'package', path: '/usr/bin/crun', place }] }],
    files,
  } as unknown as Recipe;
  return composeRootfs({} as Workshop, recipe, packages, kernel, bundles);
}

function node(text: string, origin: string): TreeNode {
  return { type: 'file', content: bytesOf(text), mode: 0o755, uid: 0, gid: 0, origin };
}

async function textAt(tree: Tree, path: string): Promise<string> {
  const found = tree.get(path);
  return found?.type === 'file' ? (await found.content.read()).toString() : '';
}
