import { expect } from '@jest/globals';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { waitFor } from './support/wait-for.ts';

promise('an arm64 machine is built on any computer, and boots like its sister', () => {
  let machine: TestMachine;

  step('minimal-arm64 is built', async () => {
    machine = await makeTestMachine({ test: 'arm64', recipe: 'minimal-arm64', architecture: 'arm64' });
  });

  step('firmware, boot loader, kernel and init lead to a login over SSH', async () => {
    const startedAt = Date.now();
    await machine.boot();
    remark(`firmware to SSH login: ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
    expect(await machine.guest.run('busybox uname -m')).toBe('aarch64');
  });

  step('all six services run', async () => {
    await waitFor(
      async () => {
        const services = await machine.guest.services();
        const running = services.filter(({ state }) => state === 'running').map(({ name }) => name);
        if (running.length < 5) throw new Error(JSON.stringify(services));
        expect(running.sort()).toEqual(['console', 'log', 'network', 'sshd', 'time', 'update']);
        return true;
      },
      { what: 'all services to run', deadlineMs: 60_000 },
    );
  });

  step('the root comes through dm-verity with the root hash of the build', async () => {
    const { guest, build } = machine;
    expect(await guest.run('cat /sys/block/dm-0/dm/name')).toBe('root');
    expect(JSON.parse(await guest.run('cat /run/keelson/boot.json'))).toMatchObject({
      slot: 'a',
      rootHash: build.rootHash,
    });
  });

  step('the serial line has a shell', async () => {
    await machine.waitForSerial(/keelson:~# /);
  });

  step('the power button switches it off', async () => {
    await machine.running().pressPowerButton();
    await machine.waitUntilOff();
  });
});
