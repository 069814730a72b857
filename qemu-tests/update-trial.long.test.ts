import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { openKeys } from '../build/keys/open-keys.ts';
import { makeCorruptKernelBundle } from './support/corrupt-kernel.ts';
import type { FileServer } from './support/file-server.ts';
import { makeBundle } from './support/make-bundle.ts';
import { signWith } from './support/owner-keys.ts';
import { serveFolder } from './support/serve-folder.ts';
import { promise, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { testKeysEnvironment, testOutputFolder } from './support/test-workshop.ts';
import { waitForRecord } from './support/update-history.ts';
import { waitFor } from './support/wait-for.ts';

promise(
  'a version that does not start, cannot be reached, or does not stay up is left, with the right reason',
  () => {
    const folder = join(testOutputFolder, 'update-trial/www');
    let machine: TestMachine;
    let server: FileServer;

    const install = async (name: string): Promise<void> => {
      await machine.guest.run(`keelctl update install ${server.url}/${name}`);
    };

    /** As OVMF tells them. */
    const countExceptions = async (): Promise<number> =>
      (await machine.serialLog()).match(/X64 Exception Type/g)?.length ?? 0;

    /** Until the machine is back; its reasons. */
    const whyLeft = async (version: string): Promise<readonly string[]> => {
      const { reasons } = await waitForRecord(machine, { event: 'rolled-back', version });
      expect(JSON.parse(await machine.guest.run('cat /run/keelson/boot.json')).version).toBe('2026.11.0');
      return reasons;
    };

    step('version 1 runs, and four bad ones are made', async () => {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      machine = await makeTestMachine({ test: 'update-trial/machine' });
      const good = await makeBundle('./qemu-tests/recipes/brisk', '2026.11.1', folder, 'good');
      const keys = await openKeys(machine.workshop, {
        folder: join(testKeysEnvironment.XDG_CONFIG_HOME, 'keelson/keys/development'),
      });
      const sign = signWith(keys, 'current');
      await makeCorruptKernelBundle(machine.workshop, good, join(folder, 'corrupt-kernel'), sign);
      await makeBundle('./qemu-tests/recipes/panicking', '2026.11.2', folder, 'panicking');
      await makeBundle('./qemu-tests/recipes/offline', '2026.11.3', folder, 'offline');
      await makeBundle('./qemu-tests/recipes/dying-service', '2026.11.4', folder, 'dying-service');
      server = await serveFolder(folder);
      await machine.boot();
    });

    step('a version whose kernel is corrupt is installed', () => install('corrupt-kernel'));

    step(
      'the processor stops at once, three times somebody presses reset, and the old version is back',
      async () => {
        for (let start = 1; start <= 3; start++) {
          await waitFor(async () => (await countExceptions()) === start, {
            what: `start ${start} of the corrupt kernel`,
            deadlineMs: 60_000,
          });
          await machine.running().reset();
        }
        expect(await whyLeft('2026.11.1')).toEqual([
          'it never came as far as its services: the kernel or the root of slot b did not start',
        ]);
        expect(await countExceptions()).toBe(3);
      },
    );

    step('a version whose kernel panics is installed', () => install('panicking'));

    step('three boots, then back', async () => {
      expect(await whyLeft('2026.11.2')).toEqual([
        'it started 3 times and came to no verdict: it hung, panicked or lost power',
      ]);
    });

    step('a version that forgot its network is installed', () => install('offline'));

    step('it is left, and the owner is told at the next login', async () => {
      expect(await whyLeft('2026.11.3')).toContain('the network has no default route, and had one before');
      expect(await machine.guest.run('sh -lc true')).toContain('The update to 2026.11.3 was rolled back');
    });

    step('a version in which a service dies is installed', () => install('dying-service'));

    step('it is left because of that service', async () => {
      expect(await whyLeft('2026.11.4')).toContainEqual(expect.stringMatching(/^service hopeless is failed/));
    });
  },
);
