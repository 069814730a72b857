import type { Place } from '../errors/keelson-error.ts';
import type { ImageRequest } from '../oci-images/image-request.ts';
import type { SeccompProfile } from './seccomp.ts';

/** A Debian package to take files from; `suite` only where the recipe's suites do not have the wanted version. */
export interface PackageRequest {
  readonly name: string;
  readonly suite?: string;
}

/**
 * A file of a slice. `package` entries name a path or glob (`*`, `**`) in the packages; `source` entries name a file
 * in the folder of the YAML file (that of `place`), a Handlebars template when it ends in `.hbs`; `content`
 * and `link` entries carry their content in place.
 */
export type FileRequest =
  | { readonly kind: 'package'; readonly path: string; readonly place: Place }
  | {
      readonly kind: 'source';
      readonly path: string;
      readonly source: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
      readonly place: Place;
    }
  | {
      readonly kind: 'content';
      readonly path: string;
      readonly content: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
      readonly place: Place;
    }
  /** A device program of `rootfs/programs/<program>/`, bundled to one file for QuickJS. */
  | { readonly kind: 'program'; readonly path: string; readonly program: string; readonly place: Place }
  | { readonly kind: 'link'; readonly path: string; readonly target: string; readonly place: Place }
  | {
      readonly kind: 'folder';
      readonly path: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
      readonly place: Place;
    };

export interface ServiceUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids?: readonly number[];
}

/** An entry of /etc/passwd and /etc/group. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

/** Packages and the files taken of them; what those files need (libraries, interpreters) is added by the builder. */
export interface Slice {
  readonly packages: readonly PackageRequest[];
  readonly files: readonly FileRequest[];
}

/** A part of the root file system: `rootfs/layers/<name>/layer.yaml`. Services may include layers too. */
export interface Layer extends Slice {
  readonly name: string;
  readonly description: string;
  readonly folder: string;
  readonly accounts: readonly Account[];
}

/** `own`: a new namespace; `machine`: the machine's (PID 1's) own. */
export type NamespaceChoice = 'own' | 'machine';

export interface Namespaces {
  readonly network: NamespaceChoice;
  readonly pid: NamespaceChoice;
  readonly ipc: NamespaceChoice;
  readonly uts: NamespaceChoice;
  readonly cgroup: NamespaceChoice;
  /** `own` where the service's root lets it: see `settleUserNamespace`; `undefined` is not said. */
  readonly user: NamespaceChoice | undefined;
}

export interface MountRequest {
  /** Absolute path on the machine. */
  readonly source: string;
  /** Absolute path in the container. */
  readonly target: string;
  readonly isReadOnly: boolean;
  readonly isRecursive: boolean;
  /** Mounts made on the machine later appear in the container too (`rslave`), or also the other way (`rshared`). */
  readonly propagation: 'private' | 'slave' | 'shared';
}

/** What it may use, and its share where there is not enough for all: cgroup v2. */
export interface Resources {
  readonly memoryBytes: number;
  /** Never taken from it, however short memory is: `memory.min`. */
  readonly memoryReserveBytes: number;
  readonly pids: number;
  /** `cpu.weight`, 1 to 10000. */
  readonly cpuWeight: number;
  /** In processors, such as 0.5. */
  readonly cpus: number | undefined;
  /** `io.weight`, 1 to 10000. */
  readonly ioWeight: number;
  /** Of the machine's disk, a second. */
  readonly io: IoLimits | undefined;
}

export interface IoLimits {
  readonly readBytes: number | undefined;
  readonly writeBytes: number | undefined;
  readonly readOperations: number | undefined;
  readonly writeOperations: number | undefined;
}

/** Rules of the service's own instead of those that follow from what it asks for; `path` for messages. */
export interface ApparmorRules {
  readonly path: string;
  readonly rules: string;
}

/** When a dependant may start. */
export type Readiness =
  /** As soon as the container runs. */
  | { readonly kind: 'started' }
  /** When the service says so by sd_notify(3). */
  | { readonly kind: 'notify' }
  /** For one-shots: when it has ended well. */
  | { readonly kind: 'finished' };

export interface HealthCheck {
  /** Run inside the container; exit code 0 is healthy. */
  readonly command: readonly string[];
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  /** Failures in a row until the service is unhealthy. */
  readonly retries: number;
  /** Failures so soon after the start do not count. */
  readonly startPeriodSeconds: number;
  /** Between checks until the first that ends well. */
  readonly startIntervalSeconds: number;
}

export interface ContainerCommand {
  readonly command: readonly string[];
}

export interface RestartPolicy {
  readonly policy: 'always' | 'on-failure' | 'never';
  /** Restarts in a row before the service is shown as failed. */
  readonly limit: number;
  /** Seconds before the first restart; the delay grows from there. */
  readonly delaySeconds: number;
}

/** Without it there is nothing to do: the service is done, and no container is started. */
export interface StartCondition {
  /** A path of the machine. */
  readonly fileNotEmpty: string;
}

/** A service whose container sessions of root land in: see README.md. */
export interface ConsoleRole {
  /** What a person switches to. */
  readonly name: string;
  /** `chosen`: runs from the time when somebody has chosen it; `boot`: like any service. */
  readonly start: 'boot' | 'chosen';
}

export interface PublishedPort {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
}

/** The keys of a recipe that an engine serves. */
export const startKinds = ['containers', 'compose'] as const;
export type StartKind = (typeof startKinds)[number];

/** The image of a service, and which of the service's fields its configuration decides: see complete-service.ts. */
export interface ServiceImage {
  readonly request: ImageRequest;
  /** Of the image's own accounts, as written: a name or numbers, `USER[:GROUP]`. */
  readonly user: string | undefined;
  readonly isWorkingFolderOpen: boolean;
  readonly isStopSignalOpen: boolean;
}

/**
 * `system-services/<name>/service.yaml`, checked, defaults filled in, templates in its fields rendered; those in `.hbs`
 * files are known to render (`build/recipe/render-template.ts`).
 */
export interface ServiceDefinition extends Slice {
  readonly name: string;
  readonly description: string;
  /** Absolute path of the folder that holds `service.yaml`. */
  readonly folder: string;
  readonly place: Place;
  /** Where the root comes from instead of packages; `command` may be empty then until the image is opened. */
  readonly image?: ServiceImage;
  /** Names of layers whose slices are part of this service's root (such as `operator`). */
  readonly layers: readonly string[];
  readonly kind: 'long-running' | 'one-shot';
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingFolder: string;
  readonly user: ServiceUser;
  readonly accounts: readonly Account[];
  /** `CAP_…`, sorted. */
  readonly capabilities: readonly string[];
  readonly namespaces: Namespaces;
  readonly mounts: readonly MountRequest[];
  /** Device nodes of the machine made visible, such as `/dev/ttyS0`. `all` binds the machine's /dev. */
  readonly devices: readonly string[] | 'all';
  /**
   * Absolute container paths kept on state, below `/var/lib/keelson/services/<name>`; of the service's user with mode
   * 0700 unless a `folder` entry of the same path in `files` says otherwise.
   */
  readonly writable: readonly string[];
  /** Those of `writable` below which the container's mounts are the machine's too, and outlive it. */
  readonly sharedWritable: readonly string[];
  /** Absolute container paths that are memory only; `/tmp` and `/run` unless mounted otherwise. */
  readonly temporary: readonly string[];
  readonly isRootReadOnly: boolean;
  readonly hasNewPrivileges: boolean;
  readonly seccomp: 'default' | 'unconfined' | SeccompProfile;
  readonly apparmor: 'default' | 'unconfined' | ApparmorRules;
  readonly resources: Resources;
  readonly restart: RestartPolicy;
  readonly condition?: StartCondition;
  readonly stop: { readonly signal: string; readonly timeoutSeconds: number };
  /** Started later than these, when they are in the recipe. */
  readonly after: readonly string[];
  /** Started when these are ready; they must be in the recipe. */
  readonly needs: readonly string[];
  /** Those of `needs` that must have been healthy, not just ready. */
  readonly needsHealthy: readonly string[];
  readonly readiness: Readiness;
  readonly health: HealthCheck | undefined;
  /** Run inside the container: lists the containers of users, see README.md. */
  readonly workloads: ContainerCommand | undefined;
  /** Run inside the container: exit code 0 when a bad version could be replaced by way of this service. */
  readonly lifeline: ContainerCommand | undefined;
  readonly console: ConsoleRole | undefined;
  /** Folder of its root that holds all its packages as .deb files; `undefined`: it has only files taken from them. */
  readonly packageFolder: string | undefined;
  /** Programs of its root that sessions find on their PATH. */
  readonly commands: readonly string[];
  /** What of the recipe it starts: its root has `startFolder` of `build/contract/container.ts`. */
  readonly starts: readonly StartKind[];
  /** Kernel modules to load at boot. */
  readonly modules: readonly string[];
  readonly ports: readonly PublishedPort[];
  /** Values for templates: the definition's defaults under the recipe's. */
  readonly values: Readonly<Record<string, unknown>>;
}
