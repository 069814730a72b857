import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackageSet } from '../debian/package-set.ts';
import { FaultList } from '../errors/fault-list.ts';
import { FaultsError } from '../errors/keelson-error.ts';
import type { ContainerImageSet } from '../oci-images/open-container-images.ts';
import type { ImageSet } from '../oci-images/open-image.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { serviceTemplateContext } from '../recipe/render-template.ts';
import { makeAccountFiles } from '../rootfs/accounts.ts';
import { makeProgramBundler } from '../rootfs/program-bundler.ts';
import type { SliceRequest } from '../rootfs/slice-files.ts';
import { layersOfService, sliceService } from '../rootfs/slice-recipe.ts';
import type { Tree } from '../rootfs/tree.ts';
import { TreeDraft } from '../rootfs/tree-draft.ts';
import type { Workshop } from '../tools/workshop.ts';
import { compilePolicy } from './compile-policy.ts';
import { completeService } from './complete-service.ts';
import { makeFinitStanza } from './finit-stanza.ts';
import { makeImageRoot } from './image-root.ts';
import { makeMountPoints } from './mount-points.ts';
import type { OciBundle, OciConfig } from './oci-bundle.ts';
import { makeOciConfig } from './oci-config.ts';
import type { SeccompProfile } from './seccomp.ts';
import type { ServiceDefinition } from './service-definition.ts';
import { makeStartFiles } from './start-files.ts';
import { settleUserNamespace } from './user-namespace.ts';

/** Debian's golang-github-docker-docker-dev: what Docker publishes as its default policy. */
export const seccompFile = 'usr/share/gocode/src/github.com/docker/docker/profiles/seccomp/default.json';

/** Every system service as an OCI bundle: its root, its configuration, its stanza for the init. In start order. */
export async function compileServices(
  workshop: Workshop,
  recipe: Recipe,
  packages: PackageSet,
  images: ImageSet,
  containerImages: ContainerImageSet,
): Promise<OciBundle[]> {
  const schemas = await workshop.openTools('schemas');
  const seccomp = JSON.parse(await readFile(join(schemas.folder, seccompFile), 'utf8')) as SeccompProfile;
  const bundleProgram = makeProgramBundler(workshop);
  const context = { architecture: recipe.architecture, services: recipe.services, seccomp };

  return allOrFaults(
    recipe.services.map(async (asked, index) => {
      const { tree: own, ...made } = await makeRoot(recipe, asked, packages, images, bundleProgram);
      const { tree: started, builtInImages } = makeStartFiles(recipe, made.service, containerImages);
      const tree = new Map([...started, ...own]);
      const service = settleUserNamespace(made.service, tree);
      const config = makeOciConfig(service, { ...context, index });
      return {
        ...made,
        service,
        config,
        root: completeRoot(recipe, service, tree, config),
        stanza: makeFinitStanza(service, context),
        policy: await compilePolicy(workshop, service),
        builtInImages,
      };
    }),
  );
}

type ServiceRoot = Pick<OciBundle, 'service' | 'packages' | 'image'> & { readonly tree: Tree };

/** Of packages, or of an image, which also says what the service itself does not. */
async function makeRoot(
  recipe: Recipe,
  asked: ServiceDefinition,
  packages: PackageSet,
  images: ImageSet,
  bundleProgram: SliceRequest['bundleProgram'],
): Promise<ServiceRoot> {
  const image = images.get(asked.name);
  if (asked.image === undefined || image === undefined) {
    const group = packages.group(`service/${asked.name}`);
    return { service: asked, ...(await sliceService(recipe, asked, group, bundleProgram)) };
  }
  const service = await completeService(asked, asked.image, image);
  const context = serviceTemplateContext(recipe, service);
  return {
    service,
    packages: [],
    image: { locked: image.locked, facts: image.facts },
    tree: await makeImageRoot(service, image.tree, context, bundleProgram),
  };
}

/** The slice, and what no slice needs to name: accounts and places to mount on. */
export function completeRoot(
  recipe: Recipe,
  service: ServiceDefinition,
  slice: Tree,
  config: OciConfig,
): Tree {
  const owner = `service ${service.name}`;
  const faults = new FaultList();
  const draft = new TreeDraft();
  const layers = layersOfService(recipe, service);
  const accounts = [...layers.flatMap((layer) => layer.accounts), ...service.accounts];
  for (const [path, node] of slice) draft.put(path, node, 'asked');
  const added = [...makeAccountFiles(accounts, owner), ...makeMountPoints(slice, config, owner)];
  for (const [path, node] of added) {
    if (!slice.has(path)) faults.catch(() => draft.put(path, node, 'implied', service.place));
  }
  faults.throwIfAny();
  return draft.finish();
}

/** Waits for all, so that the faults of every service are reported together. */
async function allOrFaults<Value>(work: readonly Promise<Value>[]): Promise<Value[]> {
  const settled = await Promise.allSettled(work);
  const failures = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
  const unexpected = failures.find((failure) => !(failure instanceof FaultsError));
  if (unexpected !== undefined) throw unexpected;
  if (failures.length > 0) throw new FaultsError((failures as FaultsError[]).flatMap(({ faults }) => faults));
  return Promise.all(work);
}
