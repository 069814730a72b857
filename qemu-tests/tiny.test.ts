import { join } from 'node:path';
import { expect } from '@jest/globals';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { artefactOf, keelson, testKeysEnvironment, testOutputFolder } from './support/test-workshop.ts';
import { waitFor } from './support/wait-for.ts';

/** 24 minutes of a processor, where the store has no kernel yet. */
const compileDeadlineMs = 45 * 60_000;

promise('a machine with a kernel of its own, made of nothing that it does not need', () => {
  let machine: TestMachine;

  step(
    'tiny is built; its kernel is compiled, or comes from the store',
    async () => {
      const { exitCode, stdout, stderr } = await keelson(
        ['build', 'tiny', '--json', '--out', join(testOutputFolder, 'images/tiny')],
        { environment: testKeysEnvironment },
      );
      if (exitCode !== 0) throw new Error(stderr || stdout);
      const compiled = stdout
        .split('\n')
        .filter((line) => line.startsWith('{"type":"step-finished"'))
        .map((line) => JSON.parse(line) as { title: string; isCached: boolean; seconds: number })
        .find(({ title }) => title === 'compile kernel');
      if (compiled === undefined) throw new Error('no kernel was compiled');
      remark(
        compiled.isCached
          ? 'the kernel is from the store'
          : `the kernel was compiled, ${(compiled.seconds / 60).toFixed(1)} min`,
      );
      machine = await makeTestMachine({ test: 'tiny', recipe: 'tiny', memoryMiB: 256 });
      const bytes = artefactOf(machine.build, 'uki').sizeBytes + artefactOf(machine.build, 'root').sizeBytes;
      remark(`kernel image and root: ${(bytes / 1e6).toFixed(1)} MB`);
      expect(bytes).toBeLessThanOrEqual(22e6);
    },
    { deadlineMs: compileDeadlineMs },
  );

  step('it boots with 256 MiB of memory, and all services run', async () => {
    await machine.boot();
    await waitFor(
      async () =>
        (await machine.guest.services()).every(({ state }) => state === 'running' || state === 'done'),
      { what: 'all services to run', deadlineMs: 60_000 },
    );
    remark(await machine.guest.run('uname -a'));
    remark(await machine.guest.run('free -m'));
  });

  step('nothing can be loaded into its kernel, and none of its own is anybody else’s', async () => {
    const { guest } = machine;
    expect(await guest.run('ls -d /proc/modules /lib/modules/*/kernel 2>/dev/null || echo none')).toBe(
      'none',
    );
    expect(await guest.run('cat /proc/version')).toContain('(keelson@keelson)');
  });
});
