import { KeelsonError } from '../errors/keelson-error.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { efiNames } from './efi-names.ts';

/**
 * The command line inside the unified kernel image. The serial line comes last: it is then /dev/console. A panic (and an
 * oops) reboots after ten seconds, so that boot counting can fall back.
 */
export function kernelCommandLine(recipe: Recipe): string {
  for (const argument of recipe.kernelArguments) refuse(recipe, argument);
  return [
    'console=tty0',
    `console=${efiNames[recipe.architecture].serialConsole}`,
    'panic=10',
    'oops=panic',
    // Without it the kernel does not look at the backup of a partition table that a power cut has torn.
    'gpt',
    'loglevel=4',
    ...recipe.kernelArguments,
  ].join(' ');
}

/**
 * RAUC takes any parameter that ends in `root=` for the booted slot's device, and the slot and what init runs are not a
 * recipe's to say.
 */
function refuse(recipe: Recipe, argument: string): void {
  const reason = refusal(argument);
  if (reason === undefined) return;
  throw new KeelsonError({
    code: 'KERNEL_ARGUMENT_REFUSED',
    class: 'input',
    message: `Cannot use kernel argument "${argument}": ${reason}`,
    place: recipe.place,
    hint: 'Remove it from kernelArguments.',
  });
}

function refusal(argument: string): string | undefined {
  if (/root$/.test(argument.split('=')[0] ?? '') && argument.includes('='))
    return 'a parameter that ends in "root=" misleads the updater';
  if (/^rauc\.|^(rd)?init=/.test(argument)) return 'the slot and the first program are decided by the image';
  if (!/^[\x21-\x7e]+$/.test(argument)) return 'it has spaces or characters that are not ASCII';
  return undefined;
}
