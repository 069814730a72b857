import type { Recipe } from '../recipe/recipe.ts';
import type { SealedRootfs } from '../seal/sealed-rootfs.ts';

/**
 * Text of `/root.env` in the initramfs (rootfs/initramfs/README.md): what `/init` must know of the root it may mount. It is part
 * of the (signed) unified kernel image; the command line, which others can extend, never says any of it.
 */
export function writeRootParameters(recipe: Recipe, sealed: SealedRootfs): string {
  const parameters = {
    ROOT_HASH: checked(sealed.rootHash, /^[0-9a-f]{64}$/),
    SALT: checked(sealed.salt, /^(?:[0-9a-f]{2})+$/),
    DATA_BLOCKS: String(sealed.dataBlocks),
    // dm-verity counts hash blocks from the start of the partition, and its tree begins after the superblock's block.
    HASH_START_BLOCK: String(sealed.hashOffsetBytes / 4096 + 1),
    VERSION: checked(recipe.version, /^[0-9][0-9.]*$/),
  };
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** The file is sourced by a shell: a value must not be able to be anything but a word. */
function checked(value: string, pattern: RegExp): string {
  if (!pattern.test(value)) throw new Error(`"${value}" cannot be a parameter of the initramfs`);
  return value;
}
