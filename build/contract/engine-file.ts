/** `/usr/lib/keelson/engine.json`: written by the builder, read by keelctl and the other device programs. */
export interface EngineFile {
  readonly format: 1;
  readonly recipe: string;
  readonly version: string;
  /** Seconds since the epoch; the machine's clock is never set earlier. */
  readonly builtAt: number;
  readonly hostname: string;
  readonly users: readonly {
    readonly name: string;
    readonly uid: number;
    readonly sshKeys: readonly string[];
  }[];
  /** Of the recipe: what slots and state leave each other on the disk. */
  readonly disk: {
    /** A slot that an update outgrew becomes that many times the new image, where there is room. */
    readonly headRoom: number;
    /** Kept free at the end of the disk; `undefined`: `defaultReserveBytes`. */
    readonly reserveBytes?: number;
  };
  /** Where sessions of root land when nobody says otherwise; left out when no service is a console. */
  readonly console?: string;
  /** A service collects what the others print. */
  readonly hasLog?: boolean;
  /** In start order. */
  readonly services: readonly EngineService[];
}

/** Room for both slots to double, once each. */
export function defaultReserveBytes(slotBytes: number): number {
  return 2 * slotBytes;
}

export interface EngineService {
  readonly name: string;
  readonly description: string;
  readonly kind: 'long-running' | 'one-shot';
  readonly needs: readonly string[];
  /** Those of `needs` that must have been healthy; none when left out. */
  readonly needsHealthy?: readonly string[];
  readonly after: readonly string[];
  /** Such as `SIGTERM`. */
  readonly stopSignal: string;
  readonly stopTimeoutSeconds: number;
  /** Memory that is never taken from it. */
  readonly memoryReserveBytes: number;
  /** Folders to make on state before the container starts. */
  readonly stateFolders: readonly {
    readonly path: string;
    readonly uid: number;
    readonly gid: number;
    readonly mode: number;
    /** Folder of the root that is copied when this one is first made: what an image has in a volume. */
    readonly content?: string;
  }[];
  /** Sessions of root can land in its container. `chosen`: it runs from the time when somebody has chosen it. */
  readonly console?: { readonly name: string; readonly start: 'boot' | 'chosen' };
  /** Run in the container: lists containers of users, JSON lines of `Workload` (`workload.ts`). */
  readonly workloads?: { readonly command: readonly string[] };
  /** It starts `containers` of user-data. */
  readonly startsContainers?: true;
  /** Run in the container: exit code 0 when a bad version could be replaced by way of this service. */
  readonly lifeline?: { readonly command: readonly string[] };
  readonly health?: {
    readonly command: readonly string[];
    readonly intervalSeconds: number;
    readonly timeoutSeconds: number;
    /** Failures in a row until it is unhealthy. */
    readonly retries: number;
    /** Failures so soon after the start do not count. */
    readonly startPeriodSeconds: number;
    /** Between checks until the first that ends well. */
    readonly startIntervalSeconds: number;
  };
}
