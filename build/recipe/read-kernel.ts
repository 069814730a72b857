import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FaultList } from '../errors/fault-list.ts';
import type { Place } from '../errors/keelson-error.ts';
import { suggestName } from '../errors/nearest-name.ts';
import { type KernelFragment, parseFragment } from '../kernel/kernel-fragment.ts';
import { listFragments } from '../kernel/list-fragments.ts';
import { toPackageRequest } from '../services/read-slice.ts';
import type { ReadRecipe } from './find-recipe.ts';
import type { Architecture, KernelRequest } from './recipe.ts';

const defaultKernels = {
  'x86-64': 'linux-image-cloud-amd64',
  arm64: 'linux-image-cloud-arm64',
} as const satisfies Record<Architecture, string>;

/** The kernel of the last recipe that names one; a source needs fragments, which are read here. */
export async function readKernel(
  chain: readonly ReadRecipe[],
  architecture: Architecture,
  repositoryFolder: string,
  faults: FaultList,
): Promise<KernelRequest> {
  const naming = chain.findLast(
    ({ value: { kernel } }) => kernel?.package !== undefined || kernel?.source !== undefined,
  );
  const debian = {
    kind: 'debian',
    package: toPackageRequest(naming?.value.kernel?.package ?? defaultKernels[architecture]),
  } as const;
  const listing = chain.findLast(({ value }) => value.kernel?.fragments !== undefined);
  const source = naming?.value.kernel?.source;
  if (naming === undefined || source === undefined) {
    if (listing !== undefined && listing === chain.at(-1)) {
      faults.add({
        code: 'KERNEL_SOURCE_MISSING',
        message: 'Cannot use fragments without a source: Debian has configured its kernel already',
        place: listing.source.place(['kernel', 'fragments']),
        hint: 'add "source: linux-source-6.12" beside them, or remove them',
      });
    }
    return debian;
  }
  const place = naming.source.place(['kernel', 'source']);
  if (naming.value.kernel?.package !== undefined) {
    faults.add({
      code: 'KERNEL_TWICE',
      message: 'Cannot have a kernel both from a package and from a source',
      place,
      hint: 'remove "package" or "source"',
    });
  }
  if (listing === undefined) {
    faults.add({
      code: 'KERNEL_FRAGMENTS_MISSING',
      message: 'Cannot configure a kernel without fragments',
      place,
      hint: `add "fragments: [base, arch/${architecture}, purpose/verity, purpose/containers, purpose/security, purpose/virtual-machine]"`,
    });
    return debian;
  }
  const names = listing.value.kernel?.fragments ?? [];
  // Those of an extended recipe lie beside that one.
  const folders = [...chain.map(({ source: { folder } }) => folder).reverse(), repositoryFolder].map(
    (folder) => join(folder, 'kernel-config'),
  );
  const fragments = await Promise.all(
    names.map((name, index) =>
      readFragment(name, folders, listing.source.place(['kernel', 'fragments', index]), faults),
    ),
  );
  return {
    kind: 'source',
    package: toPackageRequest(source),
    fragments: fragments.filter((each) => each !== undefined),
    place,
  };
}

async function readFragment(
  name: string,
  folders: readonly string[],
  place: Place,
  faults: FaultList,
): Promise<KernelFragment | undefined> {
  for (const folder of folders) {
    const file = join(folder, `${name}.config`);
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (text !== undefined) return parseFragment(name, file, text, faults);
  }
  faults.add({
    code: 'FRAGMENT_UNKNOWN',
    message: `Cannot find the kernel fragment "${name}"`,
    place,
    hint: suggestName(name, await listFragments(folders), 'fragments'),
  });
  return undefined;
}
