import type { Workshop } from '../../tools/workshop.ts';

/** Removes what a peer has made in its folder: some of it may belong to users whom only an installation has. */
export async function removeInstalled(
  workshop: Workshop,
  folder: string,
  names: readonly string[],
): Promise<void> {
  const tools = await workshop.openTools('peers');
  await tools.run({
    file: '/usr/bin/rm',
    arguments: ['--recursive', '--force', '--', ...names],
    writable: [folder],
    workingFolder: folder,
    installsPackages: true,
  });
}
