import { dirname, join, resolve } from 'node:path';
import { updateBundleNames } from '../contract/update-bundle.ts';
import type { Workshop } from '../tools/workshop.ts';

/** The slot image of a bundle, which nobody has verified yet, as a file in `folder`; the bundle may have none. Gives its path. */
export async function unpackSlotImage(
  workshop: Pick<Workshop, 'openTools'>,
  bundlePath: string,
  folder: string,
): Promise<string> {
  const tools = await workshop.openTools('update');
  const { imageFile } = updateBundleNames;
  const source = resolve(bundlePath);
  const content = join(folder, 'content');
  await tools.run({
    file: '/usr/bin/unsquashfs',
    arguments: ['-quiet', '-no-progress', '-no-xattrs', '-dest', content, source, imageFile],
    readOnly: [dirname(source)],
    writable: [folder],
  });
  return join(content, imageFile);
}
