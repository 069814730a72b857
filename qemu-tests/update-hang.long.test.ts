import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { FileServer } from './support/file-server.ts';
import { makeBundle } from './support/make-bundle.ts';
import { serveFolder } from './support/serve-folder.ts';
import { promise, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { testOutputFolder } from './support/test-workshop.ts';
import { waitForRecord } from './support/update-history.ts';

promise('a machine that hangs is reset by its watchdog, and a version that hangs is left', () => {
  const folder = join(testOutputFolder, 'update-hang/www');
  let machine: TestMachine;
  let server: FileServer;

  step('version 1 runs, and one that hangs is made', async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await makeBundle('./qemu-tests/recipes/hanging', '2026.11.2', folder, 'hanging');
    machine = await makeTestMachine({ test: 'update-hang/machine' });
    server = await serveFolder(folder);
    await machine.boot();
  });

  step('its hardware watchdog ticks, and a minute without news would reset it', async () => {
    const { guest } = machine;
    expect(await guest.run('cat /sys/class/watchdog/watchdog0/identity')).toBe('i6300ESB timer');
    expect(await guest.run('cat /sys/class/watchdog/watchdog0/state')).toBe('active');
    expect(await guest.run('cat /sys/class/watchdog/watchdog0/timeout')).toBe('60');
    // Not even the end of what feeds it stops it.
    expect(await guest.run('cat /sys/class/watchdog/watchdog0/nowayout')).toBe('1');
  });

  step('version 2 is installed', async () => {
    await machine.guest.run(`keelctl update install ${server.url}/hanging`);
  });

  const hang = /version 2026\.11\.2 is on trial[\s\S]*/.source;

  step('it hangs, and the watchdog resets the machine', async () => {
    await machine.waitForSerial(new RegExp(hang.repeat(2)), 200_000);
  });

  step('and again', async () => {
    await machine.waitForSerial(new RegExp(hang.repeat(3)), 200_000);
  });

  step('after the third time version 1 is back and says that there was no verdict', async () => {
    const record = await waitForRecord(machine, { event: 'rolled-back', version: '2026.11.2' });
    expect(record.reasons).toEqual([
      'it started 3 times and came to no verdict: it hung, panicked or lost power',
    ]);
  });
});
