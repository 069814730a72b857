import type { Architecture } from '../recipe/recipe.ts';
import type { ToolCommand, ToolsetName } from '../tools/tools-tree.ts';

/** How the kernel's makefiles are called for an architecture. */
export interface KernelTarget {
  readonly toolset: ToolsetName;
  /** `ARCH` and, where the computer's own compiler is of no use, `CROSS_COMPILE`. */
  readonly variables: readonly string[];
  /** `SRCARCH`: the folder below `arch/`. */
  readonly sourceArchitecture: string;
  /** What is made, and where it lies in the source. */
  readonly image: { readonly target: string; readonly path: string };
}

export const kernelTargets: Readonly<Record<Architecture, KernelTarget>> = {
  'x86-64': {
    toolset: 'kernel',
    variables: ['ARCH=x86_64'],
    sourceArchitecture: 'x86',
    image: { target: 'bzImage', path: 'arch/x86/boot/bzImage' },
  },
  arm64: {
    toolset: 'kernel-arm64',
    variables: ['ARCH=arm64', 'CROSS_COMPILE=aarch64-linux-gnu-'],
    sourceArchitecture: 'arm64',
    // An EFI program that unpacks itself, as the other is (Documentation/arch/arm64/booting.rst).
    image: { target: 'vmlinuz.efi', path: 'arch/arm64/boot/vmlinuz.efi' },
  },
};

/** The same for every build (https://docs.kernel.org/kbuild/reproducible-builds.html). */
const fixedEnvironment = {
  KBUILD_BUILD_USER: 'keelson',
  KBUILD_BUILD_HOST: 'keelson',
  KBUILD_BUILD_VERSION: '1',
  KBUILD_BUILD_TIMESTAMP: '1980-01-01 00:00:00 +0000',
  KCONFIG_NOTIMESTAMP: '1',
} as const;

/** `make`, in the source's folder. */
export function makeCommand(
  target: KernelTarget,
  source: string,
  argumentList: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): ToolCommand {
  return {
    file: '/usr/bin/make',
    // Debian's packages make the link awk when they are installed (update-alternatives(1)).
    arguments: [...target.variables, 'AWK=gawk', ...argumentList],
    workingFolder: source,
    writable: [source],
    environment: { ...fixedEnvironment, ...environment },
  };
}
