import type { Architecture } from '../recipe/recipe.ts';

interface EfiNames {
  /** Suffix of EFI programs, as `ukify --efi-arch` and systemd name them. */
  readonly suffix: string;
  /** Console on the first serial line of virtual machines. */
  readonly serialConsole: string;
}

export const efiNames = {
  'x86-64': { suffix: 'x64', serialConsole: 'ttyS0,115200' },
  arm64: { suffix: 'aa64', serialConsole: 'ttyAMA0,115200' },
} as const satisfies Record<Architecture, EfiNames>;
