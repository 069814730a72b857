import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Recipe } from '../recipe/recipe.ts';
import type { Workshop } from '../tools/workshop.ts';
import type { KernelConfiguration } from './configure-kernel.ts';
import type { KernelSource } from './kernel-source.ts';
import { kernelTargets } from './kernel-tools.ts';
import { makeKernel, makeKernelModule } from './make-kernel.ts';

/** What a source became; the names are files of the step's folder. */
export interface CompiledKernel {
  readonly folder: string;
  /** `uname -r`. */
  readonly release: string;
  readonly image: string;
}

/** Compiles once for each source, configuration and compiler; the same bytes each time. 24 minutes of a processor. */
export async function compileKernel(
  workshop: Workshop,
  recipe: Recipe,
  source: KernelSource,
  configuration: KernelConfiguration,
): Promise<CompiledKernel> {
  const target = kernelTargets[recipe.architecture];
  const tools = await workshop.openTools(target.toolset);
  const text = await readFile(configuration.path, 'utf8');
  const step = await workshop.store.step(
    {
      title: 'compile kernel',
      moduleUrl: makeKernelModule,
      inputs: { source: source.package.locked.sha256, target, configuration: text, tools: tools.id },
    },
    (folder) =>
      makeKernel(folder, tools, target, source, {
        configuration: text,
        jobs: workshop.host.cpuCount,
        onFile: (done, total) =>
          workshop.emit({
            type: 'progress',
            stage: 'kernel',
            unit: 'files',
            done,
            total,
            what: 'compile kernel',
          }),
      }),
  );
  const release = (await readFile(join(step.folder, 'release'), 'utf8')).trim();
  return { folder: step.folder, release, image: 'vmlinuz' };
}
