import {
  type BuiltInImage,
  type ContainerRequest,
  ownerComposeFolder,
  ownerDoubtFile,
  ownerListFile,
  type StartList,
  startFolder,
  startName,
} from '../../../build/contract/container.ts';
import type { Device } from '../device.ts';

export interface WantedProject {
  readonly name: string;
  /** The later ones over the earlier. */
  readonly files: readonly string[];
}

export interface Wanted {
  readonly containers: readonly ContainerRequest[];
  readonly projects: readonly WantedProject[];
  readonly images: readonly BuiltInImage[];
  /** Something may be asked for that is not here: nothing is taken away. */
  readonly isDoubtful: boolean;
}

/** What recipe and user-data ask for together; of one name, the owner's counts. */
export function readWanted(device: Device): Wanted {
  const recipe = readList(device, `${startFolder}/list.json`);
  const owner = readList(device, ownerListFile);
  const projects = [
    ...recipe.projects.map((name) => {
      const folder = `${startFolder}/compose/${name}`;
      return { name, files: [`${folder}/compose.yaml`, `${folder}/pins.json`] };
    }),
    ...device.list(ownerComposeFolder).flatMap((name): readonly WantedProject[] => {
      const file = ['compose.yaml', 'compose.yml', 'docker-compose.yml']
        .map((each) => `${ownerComposeFolder}/${name}/${each}`)
        .find((path) => device.status(path)?.type === 'file');
      return file === undefined || !startName.test(name) ? [] : [{ name, files: [file] }];
    }),
  ];
  return {
    containers: byName([...recipe.containers, ...owner.containers]),
    projects: byName(projects),
    images: recipe.images,
    isDoubtful: device.status(ownerDoubtFile) !== undefined,
  };
}

/** Whether Compose was told of these files here. */
export function isOwnProject(files: string): boolean {
  return [`${startFolder}/compose/`, `${ownerComposeFolder}/`].some((folder) => files.startsWith(folder));
}

function byName<Item extends { readonly name: string }>(items: readonly Item[]): readonly Item[] {
  return [...new Map(items.map((item) => [item.name, item])).values()];
}

function readList(device: Device, path: string): StartList {
  const text = device.readFile(path);
  return text === undefined
    ? { format: 1, containers: [], projects: [], images: [] }
    : (JSON.parse(text) as StartList);
}
