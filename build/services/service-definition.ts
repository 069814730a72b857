import type { Place } from '../errors/keelson-error.ts';
import type { ImageRequest } from '../oci-images/image-request.ts';

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

export interface Resources {
  readonly memoryBytes: number;
  readonly pids: number;
  /** cgroup v2 `cpu.weight`, 1 to 10000. */
  readonly cpuWeight: number;
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

export interface PublishedPort {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
}

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
  readonly seccomp: 'default' | 'unconfined';
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
  /** Programs of its root that sessions find on their PATH. */
  readonly commands: readonly string[];
  /** Kernel modules to load at boot. */
  readonly modules: readonly string[];
  readonly ports: readonly PublishedPort[];
  /** Values for templates: the definition's defaults under the recipe's. */
  readonly values: Readonly<Record<string, unknown>>;
}
