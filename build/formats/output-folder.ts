import { access, constants, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { markState, processMark } from '../store/process-mark.ts';
import { asOutputError } from './output-error.ts';

const asidePrefix = '.keelson-';

/**
 * Makes the output folder and sees that it can be written, before the work and not after it. What killed builds were
 * writing there is removed.
 */
export async function openOutputFolder(outputFolder: string): Promise<void> {
  try {
    await mkdir(outputFolder, { recursive: true });
    await access(outputFolder, constants.W_OK | constants.X_OK);
    for (const name of (await readdir(outputFolder)).sort()) {
      if (!name.startsWith(asidePrefix)) continue;
      if (markState(name.slice(asidePrefix.length)) !== 'dead') continue;
      await rm(join(outputFolder, name), { recursive: true, force: true });
    }
  } catch (error) {
    throw asOutputError(outputFolder, error);
  }
}

/** A fresh folder beside the outputs, named after this process; the caller removes it. */
export function makeAside(outputFolder: string): Promise<string> {
  return mkdtemp(join(outputFolder, `${asidePrefix}${processMark()}-`));
}
