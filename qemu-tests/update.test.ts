import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { readBootNames } from './support/boot-names.ts';
import type { FileServer } from './support/file-server.ts';
import { makeBundle } from './support/make-bundle.ts';
import { serveFolder } from './support/serve-folder.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { testOutputFolder } from './support/test-workshop.ts';
import { readHistory } from './support/update-history.ts';
import { waitFor } from './support/wait-for.ts';

promise('an update is tried, kept when it is healthy, and left when it is not', () => {
  const folder = join(testOutputFolder, 'update/www');
  let machine: TestMachine;
  let server: FileServer;
  let hostKey: string;

  const version = () => machine.guest.run("sed -n 's/^IMAGE_VERSION=//p' /usr/lib/os-release | tr -d '\"'");
  const bootFacts = async () => JSON.parse(await machine.guest.run('cat /run/keelson/boot.json'));
  const history = () => readHistory(machine);
  const phase = async () => JSON.parse(await machine.guest.run('keelctl update status --json')).state.phase;
  const waitForPhase = (wanted: string, deadlineMs: number) =>
    waitFor(
      async () => {
        const found = await phase().catch((error: Error) => error.message);
        if (found === wanted) return true;
        machine.guest.disconnect();
        throw new Error(found);
      },
      { what: `the update to be ${wanted}`, deadlineMs },
    );

  step('version 1 runs, with a file on state', async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    machine = await makeTestMachine({ test: 'update', recipe: 'minimal' });
    server = await serveFolder(folder);
    await machine.boot();
    expect(await version()).toBe('2026.11.0');
    hostKey = await machine.guest.run('cat /etc/ssh/keys/*.pub');
    await machine.guest.run('echo mine >/root/mine');
  });

  step('the agent is small while it has nothing to do', async () => {
    const bytes = Number(await machine.guest.run('cat /sys/fs/cgroup/services/update/memory.current'));
    remark(`the service of updates idles in ${(bytes / 1024 / 1024).toFixed(1)} MiB`);
    expect(bytes).toBeLessThan(5 * 1024 * 1024);
  });

  step('bundles of versions 2, 3 (good) and 4 (one service dies) are made', async () => {
    await makeBundle('minimal', '2026.11.1', folder, '2.raucb');
    await makeBundle('minimal', '2026.11.2', folder, '3.raucb');
    await makeBundle('./qemu-tests/recipes/dying-service', '2026.11.3', folder, '4.raucb');
  });

  step('a file that is cut short is refused, and nothing has changed', async () => {
    await machine.guest.run(
      `wget -q ${server.url}/2.raucb -O /root/2.raucb && dd if=/root/2.raucb of=/root/short.raucb bs=1M count=20 2>/dev/null`,
    );
    const refused = await machine.guest.try('keelctl update install /root/short.raucb');
    expect(refused.exitCode).toBe(1);
    expect((await history()).at(-1)).toMatchObject({ event: 'refused', code: 'BUNDLE_DAMAGED' });
    expect(await phase()).toBe('idle');
  });

  step('version 2 is installed from a file, tried in slot b, and kept', async () => {
    await machine.guest.run('keelctl update install /root/2.raucb');
    await waitForPhase('committed', 220_000);
    expect(await version()).toBe('2026.11.1');
    expect(await bootFacts()).toMatchObject({ slot: 'b', askedSlot: 'b' });
    expect(await readBootNames(machine)).toEqual(['a.efi', 'b.efi']);
  });

  step('state, host keys and what is on them are as before', async () => {
    expect(await machine.guest.run('cat /etc/ssh/keys/*.pub')).toBe(hostKey);
    expect(await machine.guest.run('cat /root/mine')).toBe('mine');
  });

  step('an older one is refused', async () => {
    const refused = await machine.guest.try('keelctl update install /root/2.raucb');
    expect(refused.exitCode).toBe(1);
    expect((await history()).at(-1)).toMatchObject({ event: 'refused', code: 'BUNDLE_DOWNGRADE' });
  });

  step('version 3 comes over HTTP, and only what no slot has is fetched', async () => {
    const before = server.sentBytes();
    await machine.guest.run(`keelctl update install ${server.url}/3.raucb`);
    const fetched = server.sentBytes() - before;
    remark(`${(fetched / 1024 / 1024).toFixed(1)} MiB fetched for a change of the version alone`);
    await waitForPhase('committed', 220_000);
    expect(await version()).toBe('2026.11.2');
    expect((await bootFacts()).slot).toBe('a');
  });

  step('version 4, in which a service dies, is installed', async () => {
    await machine.guest.run(`keelctl update install ${server.url}/4.raucb`);
  });

  step('the machine is back on version 3 by itself, and says why', async () => {
    await waitForPhase('rolled-back', 235_000);
    expect(await version()).toBe('2026.11.2');
    const record = (await history()).at(-1);
    expect(record).toMatchObject({ event: 'rolled-back', version: '2026.11.3', fromVersion: '2026.11.2' });
    expect(record?.reasons).toContainEqual(expect.stringMatching(/^service hopeless is failed/));
    expect(await machine.guest.run('cat /run/keelson/notice')).toContain('hopeless');
    expect(await machine.guest.run('cat /root/mine')).toBe('mine');
  });
});
