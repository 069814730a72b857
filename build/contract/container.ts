/**
 * Containers that an engine of users starts at boot: what the recipe asks for, what user-data asks for, and how both are
 * written down for the program that starts them (`rootfs/programs/container-starter`).
 */

/** In the root of the engine's service: `list.json`, `images/<id>/`, `compose/<project>/`. */
export const startFolder = '/usr/lib/containers';

/** User-data's list, written by provisioning; it may hold secrets, so it is in memory and root's. */
export const ownerListFile = '/run/keelson/containers/list.json';

/** There when user-data could not be read as a whole: what it seems not to ask for may be what was misspelt. */
export const ownerDoubtFile = '/run/keelson/containers/doubtful';

/** Compose projects of user-data: `<project>/compose.yaml`, by `write_files`. */
export const ownerComposeFolder = '/run/keelson/files/compose';

export const restartPolicies = ['unless-stopped', 'always', 'on-failure', 'no'] as const;
export type RestartPolicyName = (typeof restartPolicies)[number];

export interface ContainerRequest {
  readonly name: string;
  /** What the engine is told to make it from. */
  readonly image: string;
  /** `sha256:…` of the image's configuration, when the image is built in. */
  readonly imageId?: string;
  /** In place of the image's own, when it has words. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Path on the machine: lines of `NAME=value`. */
  readonly environmentFile?: string;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly restart: RestartPolicyName;
}

/** An image in the verified root, as `docker load` takes it when its folder is made a tar. */
export interface BuiltInImage {
  /** `sha256:…` of its configuration: what engines know an image by. */
  readonly id: string;
  /** `registry/name:tag`, unless it has no tag. */
  readonly name?: string;
}

/** `list.json` of `startFolder`, and `ownerListFile`, which has containers only. */
export interface StartList {
  readonly format: 1;
  readonly containers: readonly ContainerRequest[];
  /** Names of the projects in `compose/`. */
  readonly projects: readonly string[];
  readonly images: readonly BuiltInImage[];
}

/** Of containers and of Compose projects; no dot: names with one are the starter's own. */
export const startName = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** One line: a file of variables has no other. */
export const variableValue = /^[^\r\n\0]*$/;

const portNumber = '[1-9][0-9]{0,4}';
const portPattern = new RegExp(
  `^(?:([0-9.]{7,15}|\\[[0-9A-Fa-f:.]{2,45}\\]):)?(${portNumber})(?:-(${portNumber}))?:(${portNumber})(?:-(${portNumber}))?(?:/(tcp|udp|sctp))?$`,
);

export interface PublishedPorts {
  readonly first: number;
  readonly last: number;
  readonly protocol: string;
}

/** `[ADDRESS:]PORT:PORT[/tcp]` or the same with ranges, as Compose has it: what is opened on the machine. */
export function parsePublishedPorts(text: string): PublishedPorts | undefined {
  const found = portPattern.exec(text);
  if (found === null) return undefined;
  const [, , first, last = first, target, lastTarget = target, protocol = 'tcp'] = found;
  const [from, to, inside, lastInside] = [first, last, target, lastTarget].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const isRange = from <= to && inside <= lastInside && to - from === lastInside - inside;
  return isRange && to <= 65_535 && lastInside <= 65_535 ? { first: from, last: to, protocol } : undefined;
}

const path = '(?:/(?!\\.{1,2}(?:/|:|$))[^/:\\x00-\\x1f\\x7f]+)+';
/** `NAME:PATH` or `PATH:PATH`, and `:ro` when it wants. */
export const volumePattern = new RegExp(
  `^(?:[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}|${path}):${path}(?::(?:ro|rw))?$`,
);

/** What user-data may name; engines know the rest, and nothing in it is an option or a second word. */
export const ownerImagePattern = /^[A-Za-z0-9[][A-Za-z0-9._:/@[\]-]{0,511}$/;

/** Words on what is wanted, the same for recipe and user-data. */
export const startWords = {
  name: 'a name of at most 63 small letters, digits, _ and -',
  port: 'PORT:PORT, or ADDRESS:PORT:PORT, with /udp where it is not TCP',
  volume: 'NAME:/PATH or /PATH:/PATH, with :ro where it is only read',
  value: 'text of one line',
} as const;
