import type { FaultList } from '../errors/fault-list.ts';
import type { ReadRecipe } from './find-recipe.ts';

/** What the boot chain says itself; another value would boot an unverified root or confuse the updater. */
const ownArguments =
  /^(?:init|rdinit|initrd|rauc\..*|systemd\.verity.*|dm-mod\..*|.*root|roothash|rootfstype|rootflags|keelson\..*)(?:=|$)/;

/** Kernel arguments of all recipes in order, those of extended recipes first. */
export function checkKernelArguments(chain: readonly ReadRecipe[], faults: FaultList): string[] {
  return chain.flatMap(({ value, source }) => {
    const list = value.kernel?.arguments ?? [];
    for (const [index, argument] of list.entries()) {
      if (!ownArguments.test(argument)) continue;
      faults.add({
        code: 'KERNEL_ARGUMENT_REFUSED',
        message: `Cannot pass "${argument}" to the kernel: the builder decides what is booted`,
        place: source.place(['kernel', 'arguments', index]),
        hint: 'remove it',
      });
    }
    return list;
  });
}
