import type { Architecture } from '../recipe/recipe.ts';

/**
 * The default profile of Podman and others (containers-common, seccomp.json): rules, some of which hold only for some
 * architectures and capabilities.
 */
export interface SeccompProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly archMap: readonly {
    readonly architecture: string;
    readonly subArchitectures: readonly string[];
  }[];
  readonly syscalls: readonly SeccompProfileRule[];
}

interface SeccompProfileRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly args?: readonly SeccompArgument[] | null;
  readonly errnoRet?: number;
  readonly includes?: SeccompCondition;
  readonly excludes?: SeccompCondition;
}

interface SeccompCondition {
  readonly arches?: readonly string[];
  readonly caps?: readonly string[];
}

interface SeccompArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: string;
}

/** `linux.seccomp` of the OCI runtime specification. */
export interface OciSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly {
    readonly names: readonly string[];
    readonly action: string;
    readonly args?: readonly SeccompArgument[];
    readonly errnoRet?: number;
  }[];
}

/** The profile's conditions use Go's names, the filter libseccomp's. */
const architectureNames = {
  'x86-64': { go: 'amd64', seccomp: 'SCMP_ARCH_X86_64' },
  arm64: { go: 'arm64', seccomp: 'SCMP_ARCH_AARCH64' },
} as const satisfies Record<Architecture, { readonly go: string; readonly seccomp: string }>;

/**
 * The profile for one service. Only the machine's own architecture is allowed: there are no 32-bit programs, and
 * their system calls are where filters have been got round.
 * Conditions as containers-common reads them (pkg/seccomp): all of `includes`, none of `excludes`.
 */
export function makeSeccomp(
  profile: SeccompProfile,
  architecture: Architecture,
  capabilities: readonly string[],
): OciSeccomp {
  const held = new Set(capabilities);
  const { go, seccomp } = architectureNames[architecture];
  const syscalls = profile.syscalls
    .filter(({ includes, excludes }) => {
      const isIncluded =
        (includes?.arches ?? [go]).includes(go) && (includes?.caps ?? []).every((name) => held.has(name));
      const isExcluded =
        (excludes?.arches ?? []).includes(go) || (excludes?.caps ?? []).some((name) => held.has(name));
      return isIncluded && !isExcluded;
    })
    .map(({ names, action, args, errnoRet }) => ({
      names,
      action,
      ...(args === undefined || args === null || args.length === 0 ? {} : { args }),
      ...(errnoRet === undefined ? {} : { errnoRet }),
    }));
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: [seccomp],
    syscalls,
  };
}
