import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from '@jest/globals';
import { openLockedPackages } from '../build/debian/open-packages.ts';
import { FaultsError } from '../build/errors/keelson-error.ts';
import { configureKernel } from '../build/kernel/configure-kernel.ts';
import { findKernelSource, type KernelSource } from '../build/kernel/kernel-source.ts';
import { readLockfile } from '../build/lock/lockfile-io.ts';
import { loadRecipe } from '../build/recipe/load-recipe.ts';
import type { Workshop } from '../build/tools/workshop.ts';
import { promise, remark, step } from './support/step.ts';
import { keelson, openTestWorkshop, repositoryFolder, testOutputFolder } from './support/test-workshop.ts';

const folder = join(testOutputFolder, 'kernel');
const load = (name: string) => loadRecipe({ name, repositoryFolder, workingFolder: repositoryFolder });

promise('a kernel has what its fragments say, or the build says why not', () => {
  let workshop: Workshop;
  let source: KernelSource;

  step('the fragments of tiny hold, and nothing that the system needs is missing', async () => {
    workshop = await openTestWorkshop();
    const recipe = await load('tiny');
    source = findKernelSource(await openLockedPackages(workshop, recipe, await readLockfile(recipe)), recipe);
    const { values } = await configureKernel(workshop, recipe, source);
    const on = [...values.values()].filter((value) => value === 'y').length;
    remark(`${on} symbols are on`);
    expect(values.get('MODULES') ?? 'n').toBe('n');
  });

  step('Docker’s own check of a kernel finds what it needs', async () => {
    const docker = await load('docker');
    const packages = await openLockedPackages(workshop, docker, await readLockfile(docker));
    const script = packages
      .group('service/docker')
      .map(({ entries }) => entries.get('/usr/share/docker.io/contrib/check-config.sh'))
      .find((node) => node?.type === 'file');
    if (script?.type !== 'file') throw new Error('Debian’s docker.io has no check-config.sh');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'check-config.sh'), await script.content.read());
    const { path } = await configureKernel(workshop, await load('tiny'), source);
    // It ends with 1 when anything optional is missing, too.
    const { stdout } = await promisify(execFile)('/bin/sh', [join(folder, 'check-config.sh'), path]).catch(
      (error: { stdout: string }) => error,
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the script paints.
    const lines = stdout.replace(/\u001b\[[0-9;]*m/g, '').split('\n');
    const needed = lines.slice(0, lines.indexOf('Optional Features:'));
    expect(needed.filter((line) => line.startsWith('- CONFIG_')).length).toBeGreaterThan(20);
    expect(needed.filter((line) => /: missing|not mounted/.test(line) && /CONFIG_/.test(line))).toEqual([]);
    const missing = lines.filter((line) => / CONFIG_\S+: missing/.test(line)).map((line) => line.trim());
    remark(`optional and left out: ${missing.map((line) => /CONFIG_(\S+):/.exec(line)?.[1]).join(', ')}`);
  });

  step(
    'those for arm64 hold too',
    async () => {
      const recipe = await load('./qemu-tests/recipes/kernel-arm64');
      const { values } = await configureKernel(workshop, recipe, source);
      expect(values.get('ARM64')).toBe('y');
    },
    // Another compiler may have to be fetched first.
    { deadlineMs: 600_000 },
  );

  step(
    'one that cannot hold, and one that the system needs and has not: both are told, with the reason',
    async () => {
      const unmet = configureKernel(workshop, await load('./qemu-tests/recipes/kernel-unmet'), source);
      const faults = await unmet.then(
        () => [],
        (error: unknown) => (error instanceof FaultsError ? error.faults : Promise.reject(error)),
      );
      const messages = faults.map(({ code, message }) => `${code} ${message}`);
      remark(messages.join('\n# '));
      expect(messages).toContainEqual(
        expect.stringMatching(
          /^KERNEL_SYMBOL_UNMET .*DM_VERITY_VERIFY_ROOTHASH_SIG=y, which unmet asks for: it is n; it depends on .*DM_VERITY\(=n\)/,
        ),
      );
      expect(messages).toContainEqual(
        expect.stringMatching(
          /^KERNEL_SYMBOL_REQUIRED Cannot do without CONFIG_DM_VERITY=y: the root is verified/,
        ),
      );
    },
  );

  step('keelson kernel explain says who set a symbol', async () => {
    const { exitCode, stdout } = await keelson(['kernel', 'explain', 'dm_verity']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^CONFIG_DM_VERITY=y\n {2}purpose\/verity sets it to y \(kernel-config\/purpose\/verity\.config:\d+\): The root: .*\n {2}the system needs it: the root is verified\n$/m,
    );
  });
});
