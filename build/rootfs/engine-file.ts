import type { EngineFile, EngineService } from '../contract/engine-file.ts';
import { machineLayout } from '../contract/machine-layout.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { OciBundle } from '../services/oci-bundle.ts';
import { serviceStatePath } from '../services/state-path.ts';
import type { Tree } from './tree.ts';

/** What device programs need to know of the build. */
export function makeEngineFile(recipe: Recipe, builtAt: number, bundles: readonly OciBundle[]): EngineFile {
  return {
    format: 1,
    recipe: recipe.name,
    version: recipe.version,
    builtAt,
    hostname: recipe.hostname,
    users: recipe.users.map(({ name, uid, sshKeys }) => ({ name, uid, sshKeys })),
    disk: {
      headRoom: recipe.disk.headRoom,
      ...(recipe.disk.reserveBytes === undefined ? {} : { reserveBytes: recipe.disk.reserveBytes }),
    },
    ...(recipe.console === undefined ? {} : { console: recipe.console }),
    hasLog: bundles.some(({ service }) =>
      service.mounts.some(({ source }) => source === machineLayout.outputPipes),
    ),
    services: bundles.map(makeEngineService),
  };
}

function makeEngineService({ service, root, image }: OciBundle): EngineService {
  return {
    name: service.name,
    description: service.description,
    kind: service.kind,
    needs: service.needs,
    ...(service.needsHealthy.length === 0 ? {} : { needsHealthy: service.needsHealthy }),
    after: service.after,
    stopSignal: service.stop.signal,
    stopTimeoutSeconds: service.stop.timeoutSeconds,
    memoryReserveBytes: service.resources.memoryReserveBytes,
    stateFolders: service.writable.map((path) => {
      const asked = service.files.find((file) => file.kind === 'folder' && file.path === path);
      const node = asked === undefined ? undefined : root.get(path);
      return {
        path: serviceStatePath(service.name, path),
        uid: node?.uid ?? service.user.uid,
        gid: node?.gid ?? service.user.gid,
        mode: node?.mode ?? 0o700,
        ...(image !== undefined && hasContent(root, path)
          ? { content: `${machineLayout.services}/${service.name}/rootfs${path}` }
          : {}),
      };
    }),
    ...(service.console === undefined ? {} : { console: service.console }),
    ...(service.workloads === undefined ? {} : { workloads: service.workloads }),
    ...(service.starts.includes('containers') ? { startsContainers: true as const } : {}),
    ...(service.lifeline === undefined ? {} : { lifeline: service.lifeline }),
    ...(service.health === undefined ? {} : { health: service.health }),
  };
}

function hasContent(root: Tree, folder: string): boolean {
  return [...root.keys()].some((path) => path.startsWith(`${folder}/`));
}
