import { requestDigest } from '../lock/lock-groups.ts';
import { type Lockfile, lockfileFormat } from '../lock/lockfile.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Layer, PackageRequest } from '../services/service-definition.ts';

export function demoRecipe(folder: string, changes: Partial<Recipe> = {}): Recipe {
  return {
    name: 'demo',
    version: '2026.11.0',
    description: 'for tests',
    folder,
    argument: './demo',
    place: { file: `${folder}/recipe.yaml` },
    architecture: 'x86-64',
    kernel: { kind: 'debian', package: { name: 'linux-image-cloud-amd64' } },
    kernelArguments: [],
    suites: ['trixie'],
    layers: [demoLayer('base', [{ name: 'crun' }])],
    initramfsLayer: demoLayer('initramfs', []),
    serviceLayers: new Map(),
    services: [],
    containers: [],
    projects: [],
    files: [],
    hostname: 'demo',
    users: [],
    console: undefined,
    disk: {
      espSizeBytes: 0,
      slotSizeBytes: undefined,
      headRoom: 2,
      reserveBytes: undefined,
      stateSizeBytes: 0,
      compression: 'zstd',
    },
    outputs: ['raw'],
    ...changes,
  };
}

function demoLayer(name: string, packages: readonly PackageRequest[]): Layer {
  return { name, description: name, folder: `/layers/${name}`, accounts: [], packages, files: [] };
}

export function demoLockfile(recipe: Recipe): Lockfile {
  return {
    format: lockfileFormat,
    recipe: 'demo',
    requestDigest: requestDigest(recipe),
    archives: { trixie: '2026-09-12T07:55:41.000Z' },
    groups: {
      base: { requested: ['crun'], packages: ['crun_1.21-1_amd64'] },
      initramfs: { requested: [], packages: [] },
    },
    packages: {
      'crun_1.21-1_amd64': {
        name: 'crun',
        version: '1.21-1',
        architecture: 'amd64',
        archive: 'debian',
        suite: 'trixie',
        path: 'pool/main/c/crun/crun_1.21-1_amd64.deb',
        sizeBytes: 368640,
        sha256: 'a'.repeat(64),
      },
    },
  };
}
