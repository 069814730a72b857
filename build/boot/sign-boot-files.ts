import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EfiVariableName } from '../keys/efi-variable-names.ts';
import type { Signer } from '../keys/signer.ts';
import type { Workshop } from '../tools/workshop.ts';
import type { BootFile, LoaderFiles, UnifiedKernelImage } from './unified-kernel-image.ts';

/** How what boots is signed, and what a machine in setup mode enrols. */
export interface SecureBoot {
  readonly signer: Signer;
  /** `PK`, `KEK`, `db` and perhaps `dbx`, as firmware takes them. */
  readonly variables: ReadonlyMap<EfiVariableName, Uint8Array>;
}

/**
 * Where systemd-boot looks for keys to enrol while the machine is in setup mode (`secure-boot-enroll` in loader.conf),
 * https://www.freedesktop.org/software/systemd/man/257/loader.conf.html
 */
const enrolmentFolder = 'loader/keys/auto';

/** The same image with a signature that Secure Boot checks; before the slot is made, which carries it. */
export async function signUki(
  workshop: Workshop,
  { signer }: SecureBoot,
  uki: UnifiedKernelImage,
): Promise<UnifiedKernelImage> {
  const signed = await signFile(workshop, signer, uki.path, uki.sha256);
  return { ...uki, ...signed };
}

/** Signs the boot loader and the addons, and adds the keys to enrol. */
export async function signLoaderFiles(
  workshop: Workshop,
  { signer, variables }: SecureBoot,
  loaderFiles: LoaderFiles,
): Promise<LoaderFiles> {
  const files: BootFile[] = [];
  for (const file of loaderFiles.files) {
    if (!/\.efi$/i.test(file.path)) {
      files.push(file);
      continue;
    }
    const signed = await signFile(workshop, signer, file.source, file.sha256);
    files.push({ path: file.path, source: signed.path, sha256: signed.sha256 });
  }
  for (const [name, content] of variables) {
    const { path, sha256 } = await keepFile(workshop, `${name}.auth`, content);
    files.push({ path: `${enrolmentFolder}/${name}.auth`, source: path, sha256 });
  }
  return { files: files.sort((one, other) => (one.path < other.path ? -1 : 1)) };
}

interface SignedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** A step of its own: the key is used once for each program, however often it is built. */
async function signFile(
  workshop: Workshop,
  signer: Signer,
  path: string,
  sha256: string,
): Promise<SignedFile> {
  const step = await workshop.store.step(
    {
      title: 'sign for Secure Boot',
      moduleUrl: import.meta.url,
      inputs: { sha256, keyId: signer.keyId, certificates: signer.certificateChain ?? [] },
    },
    async (folder) => {
      // Most builds sign nothing that boots.
      const { signEfiProgram } = await import('../keys/authenticode.ts');
      await writeFile(join(folder, 'signed.efi'), await signEfiProgram(signer, await readFile(path)));
    },
  );
  return describeFile(join(step.folder, 'signed.efi'));
}

async function keepFile(workshop: Workshop, name: string, content: Uint8Array): Promise<SignedFile> {
  const step = await workshop.store.step(
    {
      title: 'keep keys to enrol',
      moduleUrl: import.meta.url,
      inputs: { name, content: Buffer.from(content).toString('base64') },
    },
    (folder) => writeFile(join(folder, name), content),
  );
  return describeFile(join(step.folder, name));
}

async function describeFile(path: string): Promise<SignedFile> {
  const content = await readFile(path);
  return {
    path,
    sizeBytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
  };
}
