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
    .map(
      ({ names, action, args, errnoRet }): OciSeccompRule => ({
        names,
        action,
        ...(args === undefined || args === null || args.length === 0 ? {} : { args }),
        ...(errnoRet === undefined ? {} : { errnoRet }),
      }),
    )
    .flatMap((rule) => (held.has('CAP_SYS_ADMIN') ? [rule] : withoutNamespaces(rule)));
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: [seccomp],
    syscalls: held.has('CAP_SYS_ADMIN') ? syscalls : [...syscalls, ...namespaceRefusals],
  };
}

/**
 * Podman's profile lets everybody make user namespaces, in which a process has all capabilities and reaches much more of
 * the kernel; Docker's does not, and neither does this one. A container engine needs CAP_SYS_ADMIN anyway.
 */
const namespaceCalls: readonly string[] = [
  'fsconfig',
  'fsmount',
  'fsopen',
  'fspick',
  'mount',
  'mount_setattr',
  'move_mount',
  'open_tree',
  'pivot_root',
  'setns',
  'umount',
  'umount2',
  'unshare',
];

type OciSeccompRule = OciSeccomp['syscalls'][number];

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET of clone(2). */
const namespaceFlags = 0x7e020000;

const namespaceRefusals: readonly OciSeccompRule[] = [
  { names: namespaceCalls, action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
  // Its flags lie in memory, where no filter sees them. "No such call" makes the C library take clone instead.
  { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
  {
    names: ['clone'],
    action: 'SCMP_ACT_ALLOW',
    args: [{ index: 0, value: namespaceFlags, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
  },
];

function withoutNamespaces(rule: OciSeccompRule): readonly OciSeccompRule[] {
  const names = rule.names.filter((name) => ![...namespaceCalls, 'clone', 'clone3'].includes(name));
  return names.length === 0 ? [] : [{ ...rule, names }];
}
