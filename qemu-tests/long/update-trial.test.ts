import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { type FileServer, serveFolder } from '../support/file-server.ts';
import { makeBundle } from '../support/make-bundle.ts';
import { promise, step } from '../support/step.ts';
import { makeTestMachine, type TestMachine } from '../support/test-machine.ts';
import { testOutputFolder } from '../support/test-workshop.ts';
import { waitForRecord } from '../support/update-history.ts';

promise('a version that cannot be reached, or does not stay up, is left with the right reason', () => {
  const folder = join(testOutputFolder, 'update-trial/www');
  let machine: TestMachine;
  let server: FileServer;

  step('version 1 runs, and two bad ones are made', async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await makeBundle('./qemu-tests/recipes/panicking', '2026.11.2', folder, 'panicking');
    await makeBundle('./qemu-tests/recipes/offline', '2026.11.3', folder, 'offline');
    machine = await makeTestMachine({ test: 'update-trial/machine', recipe: 'minimal' });
    server = await serveFolder(folder);
    await machine.boot();
  });

  step('version 2 is installed', async () => {
    await machine.guest.run(`keelctl update install ${server.url}/panicking`);
  });

  step('its kernel panics: three boots, then back', async () => {
    const record = await waitForRecord(machine, { event: 'rolled-back', version: '2026.11.2' });
    expect(record.reasons).toEqual([
      'it started 3 times and came to no verdict: it hung, panicked or lost power',
    ]);
  });

  step('version 3 is installed', async () => {
    await machine.guest.run(`keelctl update install ${server.url}/offline`);
  });

  step('it has no network: back, and the owner is told', async () => {
    const record = await waitForRecord(machine, { event: 'rolled-back', version: '2026.11.3' });
    expect(record.reasons).toContain('the network has no default route, and had one before');
    expect(await machine.guest.run('sh -lc true')).toContain('The update to 2026.11.3 was rolled back');
  });
});
