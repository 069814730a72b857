import type { Architecture } from '../recipe/recipe.ts';

/**
 * A seccomp profile as Docker publishes its own (moby, profiles/seccomp/default.json) and takes others by `--security-opt
 * seccomp=FILE`: rules, some of which hold only for some architectures and capabilities.
 */
export interface SeccompProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number | undefined;
  readonly syscalls: readonly SeccompProfileRule[];
}

interface SeccompProfileRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly args?: readonly SeccompArgument[] | null | undefined;
  readonly errnoRet?: number | undefined;
  readonly includes?: SeccompCondition | undefined;
  readonly excludes?: SeccompCondition | undefined;
}

interface SeccompCondition {
  readonly arches?: readonly string[] | undefined;
  readonly caps?: readonly string[] | undefined;
  /** Such as `4.8`; every kernel that is built for a machine is newer than what a profile asks for. */
  readonly minKernel?: string | undefined;
}

interface SeccompArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number | undefined;
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
 * The profile for one service, as `linux.seccomp` of the OCI specification wants it: conditions decided. Only the machine's own
 * architecture is allowed: there are no 32-bit programs, and their system calls are where filters have been got round.
 * Conditions as Docker reads them (moby, profiles/seccomp/seccomp_linux.go): all of `includes`, none of `excludes`.
 */
export function makeSeccomp(
  profile: SeccompProfile,
  architecture: Architecture,
  capabilities: readonly string[],
): OciSeccomp {
  const held = new Set(capabilities);
  const { go, seccomp } = architectureNames[architecture];
  const holds = ({ includes, excludes }: SeccompProfileRule): boolean => {
    const isIncluded =
      (includes?.arches ?? [go]).includes(go) && (includes?.caps ?? []).every((name) => held.has(name));
    const isExcluded =
      (excludes?.arches ?? []).includes(go) || (excludes?.caps ?? []).some((name) => held.has(name));
    return isIncluded && !isExcluded;
  };
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: [seccomp],
    syscalls: profile.syscalls.filter(holds).map(({ names, action, args, errnoRet }) => ({
      names,
      action,
      ...(args === undefined || args === null || args.length === 0 ? {} : { args }),
      ...(errnoRet === undefined ? {} : { errnoRet }),
    })),
  };
}
