import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { encodeSlotTrailer, readSlotTrailer } from '../../build/contract/slot-layout.ts';
import { readPeSections } from '../../build/contract/uki-file.ts';
import type { Architecture } from '../../build/recipe/recipe.ts';
import type { Workshop } from '../../build/tools/workshop.ts';
import { makeUpdateBundle } from '../../build/update/make-update-bundle.ts';
import { readBundle } from '../../build/update/read-bundle.ts';
import type { BundleSigner } from '../../build/update/update-bundle.ts';

/** UD2 of x86: the processor stops there, and the firmware says so on the serial line. */
const undefinedInstruction = Buffer.from([0x0f, 0x0b]);

/** The release of a bundle, signed and whole, but with a kernel that was broken before any of it was hashed. */
export async function makeCorruptKernelBundle(
  workshop: Workshop,
  from: string,
  to: string,
  sign: BundleSigner,
): Promise<void> {
  const { manifest } = await readBundle(workshop, from);
  const folder = `${to}.made`;
  const tools = await workshop.openTools('update');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await tools.run({
    file: '/usr/bin/unsquashfs',
    arguments: ['-quiet', '-no-progress', '-dest', join(folder, 'content'), from, 'os.img'],
    writable: [folder],
    readOnly: [dirname(from)].filter((path) => path !== folder),
  });
  const path = join(folder, 'content/os.img');
  const image = await readFile(path);
  const trailer = readSlotTrailer((offset, size) => image.subarray(offset, offset + size));
  const { offsetBytes, sizeBytes } = trailer.uki;
  const uki = image.subarray(offsetBytes, offsetBytes + sizeBytes);
  const linux = readPeSections((offset, size) => uki.subarray(offset, offset + size))?.find(
    ({ name }) => name === '.linux',
  );
  if (linux === undefined) throw new Error(`${from} has no kernel`);
  // Its headers stay: the boot loader must find a kernel and start it.
  uki.fill(undefinedInstruction, linux.offsetBytes + 4096, linux.offsetBytes + linux.sizeBytes / 4);
  const broken = { ...trailer, uki: { ...trailer.uki, sha256: sha256Of(uki) } };
  Buffer.from(encodeSlotTrailer(broken)).copy(image, image.length - encodeSlotTrailer(broken).length);
  await writeFile(path, image);
  const made = await makeUpdateBundle(
    workshop,
    {
      name: trailer.recipe,
      version: trailer.version,
      architecture: trailer.architecture as Architecture,
    },
    { path, sizeBytes: image.length, sha256: sha256Of(image) },
    { channel: manifest.channel, outputFolder: folder, sign },
  );
  await rename(made.path, to);
  await rm(folder, { recursive: true });
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
