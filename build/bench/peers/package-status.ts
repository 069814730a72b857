import type { Workshop } from '../../tools/workshop.ts';

/** How many packages dpkg's status file counts as installed. */
export function countPackages(status: string): number {
  return [...status.matchAll(/^Status: install ok installed$/gm)].length;
}

/** The same of a root in a tar. */
export async function countInstalled(workshop: Workshop, tarPath: string): Promise<number> {
  const tools = await workshop.openTools('peers');
  const { stdout } = await tools.run({
    file: '/usr/bin/tar',
    arguments: ['--extract', '--to-stdout', '--file', tarPath, './var/lib/dpkg/status'],
    readOnly: [tarPath],
  });
  return countPackages(stdout);
}
