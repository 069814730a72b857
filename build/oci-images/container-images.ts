import type { Recipe } from '../recipe/recipe.ts';
import type { ImageRequest } from './image-request.ts';

/** An image of a user's container, and its name in the lockfile: `container/NAME`, `compose/PROJECT/SERVICE`. */
export interface ContainerImage {
  readonly key: string;
  readonly request: ImageRequest;
  readonly isPreloaded: boolean;
  /** The service that starts it. */
  readonly engine: string;
}

export function containerImageKey(name: string): string {
  return `container/${name}`;
}

export function projectImageKey(project: string, service: string): string {
  return `compose/${project}/${service}`;
}

/** All that a recipe's containers and Compose projects are made from. */
export function containerImages({ containers, projects }: Recipe): ContainerImage[] {
  return [
    ...containers.map(({ name, image, isPreloaded, engine }) => ({
      key: containerImageKey(name),
      request: image,
      isPreloaded,
      engine,
    })),
    ...projects.flatMap(({ name, images, isPreloaded, engine }) =>
      images.map(({ service, image }) => ({
        key: projectImageKey(name, service),
        request: image,
        isPreloaded,
        engine,
      })),
    ),
  ];
}
