/**
 * A container of users, as a service's `workloads` command lists it: one line of JSON each. The same for every engine.
 */
export interface Workload {
  readonly name: string;
  /** In the engine's own words; `running` is what is wanted. */
  readonly state: string;
  /** Of its last end. */
  readonly exitCode?: number;
  /** Why the engine could not start it. */
  readonly error?: string;
  /** Another value for each start. */
  readonly startedAt?: string;
  /** `null`: it has no health check. */
  readonly health: 'healthy' | 'unhealthy' | 'starting' | null;
  /** The engine starts it by itself when the machine starts. */
  readonly isRestarted: boolean;
  /** Its owner says that updates need not care. */
  readonly isExempt: boolean;
}

/** Engine and container. */
export interface WorkloadName {
  readonly engine: string;
  readonly name: string;
}
