import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { readBootNames } from './support/boot-names.ts';
import type { FileServer } from './support/file-server.ts';
import { plainUserData } from './support/machine.ts';
import { makeBundle } from './support/make-bundle.ts';
import { serveFolder } from './support/serve-folder.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { runKeelson, testOutputFolder } from './support/test-workshop.ts';
import { readHistory, waitForRecord } from './support/update-history.ts';
import { waitFor } from './support/wait-for.ts';

promise('a machine follows its channel, fetches little, and keeps what is its own', () => {
  const folder = join(testOutputFolder, 'update');
  const published = join(folder, 'www');
  let machine: TestMachine;
  let server: FileServer;
  let hostKey: string;

  const release = async (recipe: string, version: string): Promise<string> => {
    const bundle = await makeBundle(`./qemu-tests/recipes/${recipe}`, version, folder, version);
    const words = ['publish', bundle, '--to', published, '--channel', 'stable'];
    await runKeelson(words, { XDG_STATE_HOME: join(folder, 'publisher') });
    return bundle;
  };
  const version = async (): Promise<string> =>
    JSON.parse(await machine.guest.run('cat /run/keelson/boot.json')).version;

  /** Installs what the channel names, and says how much of its bundle was fetched. */
  const installFrom = async (bundle: string, what: string): Promise<number> => {
    const before = server.sentBytes();
    await machine.guest.run('keelctl update install');
    const share = (server.sentBytes() - before) / (await stat(bundle)).size;
    remark(`${what}: ${(share * 100).toFixed(1)} % of the bundle fetched`);
    return share;
  };

  step('version 1 runs, and has a file of its own', async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(published, { recursive: true });
    server = await serveFolder(published);
    const settings = JSON.stringify({ url: server.url, intervalMinutes: 1000 });
    machine = await makeTestMachine({
      test: 'update/machine',
      recipe: './qemu-tests/recipes/brisk',
      userData: (key) =>
        `${plainUserData(key)}write_files:\n  - path: /run/keelson/files/update.json\n    content: '${settings}'\n`,
    });
    await machine.boot();
    hostKey = await machine.guest.run('cat /var/lib/keelson/services/sshd/etc-ssh-keys/*.pub');
    await machine.guest.run('echo mine >/root/mine');
  });

  step('its agent is small while it has nothing to do', async () => {
    // A look may be under way; and files that were read stay in memory only as long as nobody else wants the room.
    const heldBytes = async (): Promise<number> => {
      const group = '/sys/fs/cgroup/services/update';
      const [current, files] = (
        await machine.guest.run(`cat ${group}/memory.current; sed -n 's/^file //p' ${group}/memory.stat`)
      ).split('\n');
      return Number(current) - Number(files);
    };
    const isSmall = async (): Promise<number | undefined> => {
      const bytes = await heldBytes();
      if (bytes >= 5 * 1024 * 1024) throw new Error(`${bytes} bytes`);
      return bytes;
    };
    const bytes = await waitFor(isSmall, { what: 'the agent to hold less than 5 MiB', deadlineMs: 20_000 });
    remark(`the service of updates idles in ${(bytes / 1024 / 1024).toFixed(1)} MiB`);
  });

  let second: string;
  step(
    'version 2, with one file more, is published: it sees that, and does nothing while it is paused',
    async () => {
      second = await release('one-file', '2026.11.1');
      await machine.guest.run('keelctl update pause');
      expect(await machine.guest.run('keelctl update check')).toContain('2026.11.1');
      expect(await readHistory(machine)).toEqual([]);
      await machine.guest.run('keelctl update resume');
    },
  );

  step('it goes no further than a person says', async () => {
    await machine.guest.run('keelctl update pin 2026.11.0');
    expect(await machine.guest.run('keelctl update check')).toBe('there is nothing to install: PINNED');
    await machine.guest.run('keelctl update unpin');
  });

  step('it fetches no more than what is new, and keeps version 2', async () => {
    expect(await installFrom(second, 'one file more')).toBeLessThan(0.05);
    await waitForRecord(machine, { event: 'committed', version: '2026.11.1' });
    expect((await readHistory(machine)).at(-1)).toMatchObject({ source: { kind: 'channel' } });
    expect(await version()).toBe('2026.11.1');
    expect(await readBootNames(machine)).toEqual(['a.efi', 'b.efi']);
  });

  step('host keys and what a person wrote are as before', async () => {
    expect(await machine.guest.run('cat /var/lib/keelson/services/sshd/etc-ssh-keys/*.pub')).toBe(hostKey);
    expect(await machine.guest.run('cat /root/mine')).toBe('mine');
  });

  step('version 3, with one small package more, right after', async () => {
    const third = await release('one-package', '2026.11.2');
    expect(await installFrom(third, 'one small package more')).toBeLessThan(0.05);
    await waitForRecord(machine, { event: 'committed', version: '2026.11.2' });
    expect(await version()).toBe('2026.11.2');
  });

  step('a person goes back to the version before, and it is not brought forward again', async () => {
    await machine.guest.run('keelctl update rollback');
    await waitForRecord(machine, { event: 'committed', version: '2026.11.1' });
    expect((await readHistory(machine)).at(-1)).toMatchObject({
      source: { kind: 'other-slot' },
      fromVersion: '2026.11.2',
    });
    expect(await machine.guest.run('keelctl update check')).toMatch(/^there is nothing to install/);
    expect(await machine.guest.run('cat /root/mine')).toBe('mine');
  });
});
