import { posix } from 'node:path';
import {
  type BuiltInImage,
  type ContainerRequest,
  type StartList,
  startFolder,
} from '../contract/container.ts';
import { containerImageKey, projectImageKey } from '../oci-images/container-images.ts';
import { manifestReference } from '../oci-images/image-reference.ts';
import type { LockedImage } from '../oci-images/locked-image.ts';
import type { ContainerImageSet, LockedContainerImage } from '../oci-images/open-container-images.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { bytesOf } from '../rootfs/byte-source.ts';
import type { ByteSource, Tree, TreeNode } from '../rootfs/tree.ts';
import { canonicalJson } from '../store/canonical-json.ts';
import type { ServiceDefinition } from './service-definition.ts';

/**
 * What an engine starts for the recipe, in `startFolder` of its root: the list, Compose files, and each built-in image as the
 * members of an archive that `docker load` takes. Layers stay packed as they came, so their names are their digests; those that
 * several images share are one file of the root (see write-tar.ts).
 */
export function makeStartFiles(
  recipe: Recipe,
  service: ServiceDefinition,
  images: ContainerImageSet,
): { readonly tree: Tree; readonly builtInImages: readonly LockedImage[] } {
  if (service.starts.length === 0) return { tree: new Map(), builtInImages: [] };
  const origin = `containers of ${service.name}`;
  const tree = new Map<string, TreeNode>();
  const put = (path: string, content: ByteSource) => {
    const at = `${startFolder}/${path}`;
    for (let folder = posix.dirname(at); folder !== '/'; folder = posix.dirname(folder)) {
      tree.set(folder, { type: 'folder', mode: 0o755, uid: 0, gid: 0, origin });
    }
    tree.set(at, { type: 'file', content, mode: 0o644, uid: 0, gid: 0, origin });
  };
  const builtIn = new Map<string, BuiltInImage & { readonly locked: LockedImage }>();
  const bringImage = (image: LockedContainerImage): string => {
    const { parts } = image;
    if (parts === undefined) return pulledName(image);
    const id = `sha256:${parts.configuration.sha256}`;
    const name = taggedName(image);
    const { locked } = image;
    builtIn.set(`${id} ${name ?? ''}`, { id, ...(name === undefined ? {} : { name }), locked });
    const folder = `images/${parts.configuration.sha256}`;
    put(`${folder}/config.json`, parts.configuration);
    for (const layer of parts.layers) put(`${folder}/${layer.sha256}`, layer);
    // https://github.com/moby/docker-image-spec, "Combined Image JSON + Filesystem Changeset Format"; the starter gives it its name.
    const manifest = [
      { Config: 'config.json', RepoTags: null, Layers: parts.layers.map(({ sha256 }) => sha256) },
    ];
    put(`${folder}/manifest.json`, bytesOf(canonicalJson(manifest)));
    return name ?? id;
  };

  const containers = recipe.containers
    .filter(({ engine }) => engine === service.name)
    .map(({ name, request }): ContainerRequest => {
      const image = imageOf(images, containerImageKey(name));
      const { parts } = image;
      const ofBuiltIn = parts === undefined ? {} : { imageId: `sha256:${parts.configuration.sha256}` };
      return { name, image: bringImage(image), ...ofBuiltIn, ...request };
    });
  const projects = recipe.projects
    .filter(({ engine }) => engine === service.name)
    .map(({ name, text, images: wanted }) => {
      const pins = wanted.map(({ service: each }): [string, object] => {
        const image = imageOf(images, projectImageKey(name, each));
        const named = bringImage(image);
        // A tag that the registry has moved since must not be pulled.
        return [each, { image: named, ...(image.parts === undefined ? {} : { pull_policy: 'never' }) }];
      });
      put(`compose/${name}/compose.yaml`, bytesOf(text));
      put(`compose/${name}/pins.json`, bytesOf(canonicalJson({ services: Object.fromEntries(pins) })));
      return name;
    });
  const brought = [...builtIn.values()];
  const list: StartList = {
    format: 1,
    containers,
    projects,
    images: brought.map(({ locked: _, ...image }) => image),
  };
  put('list.json', bytesOf(canonicalJson({ ...list })));
  return { tree, builtInImages: brought.map(({ locked }) => locked) };
}

function imageOf(images: ContainerImageSet, key: string): LockedContainerImage {
  const image = images.get(key);
  if (image === undefined) throw new Error(`the image ${key} was not opened`);
  return image;
}

/** The very manifest that the lockfile names. */
function pulledName({ request, locked }: LockedContainerImage): string {
  if (request.source.kind !== 'registry') throw new Error(`${request.reference} cannot be pulled`);
  return manifestReference(request.source, `sha256:${locked.manifestSha256}`);
}

function taggedName({ request: { source } }: LockedContainerImage): string | undefined {
  if (source.kind !== 'registry' || source.tag === undefined) return undefined;
  return `${source.registry}/${source.repository}:${source.tag}`;
}
