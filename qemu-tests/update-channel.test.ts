import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { UpdateRecord } from '../rootfs/programs/shared/update/update-record.ts';
import { plainUserData } from './support/machine.ts';
import { serveFolder } from './support/serve-folder.ts';
import { promise, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { keelson, testKeysEnvironment, testOutputFolder } from './support/test-workshop.ts';
import { waitFor } from './support/wait-for.ts';

promise('a machine follows its channel, and nobody can show it an older one', () => {
  const folder = join(testOutputFolder, 'update-channel');
  const published = join(folder, 'www');
  let machine: TestMachine;

  const run = async (...words: string[]): Promise<string> => {
    const environment = { ...testKeysEnvironment, XDG_STATE_HOME: join(folder, 'publisher') };
    const done = await keelson([...words, '--json'], { environment });
    if (done.exitCode !== 0) throw new Error(done.stderr || done.stdout);
    return done.stdout.trim().split('\n').at(-1) ?? '';
  };
  const release = async (version: string): Promise<void> => {
    const { path } = JSON.parse(
      await run('bundle', 'minimal', '--version', version, '--out', join(folder, version)),
    );
    await run('publish', path, '--to', published, '--channel', 'stable');
  };
  const history = async () =>
    JSON.parse(await machine.guest.run('keelctl update history --json')) as UpdateRecord[];

  step('version 2 is published, and version 1 runs', async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(published, { recursive: true });
    await release('2026.11.1');
    const { url } = await serveFolder(published);
    const settings = JSON.stringify({ url, intervalMinutes: 1000 });
    machine = await makeTestMachine({
      test: 'update-channel/machine',
      recipe: 'minimal',
      userData: (key) =>
        `${plainUserData(key)}write_files:\n  - path: /run/keelson/files/update.json\n    content: '${settings}'\n`,
    });
    await machine.boot();
  });

  step('it sees the new version, and does nothing while it is paused', async () => {
    await machine.guest.run('keelctl update pause');
    expect(await machine.guest.run('keelctl update check')).toContain('2026.11.1');
    expect(await history()).toEqual([]);
    await machine.guest.run('keelctl update resume');
  });

  step('it goes no further than a person says', async () => {
    await machine.guest.run('keelctl update pin 2026.11.0');
    expect(await machine.guest.run('keelctl update check')).toBe('there is nothing to install: PINNED');
    await machine.guest.run('keelctl update unpin');
  });

  step('it installs what the channel names, and keeps it', async () => {
    await machine.guest.run('keelctl update install');
    await waitFor(
      async () => {
        const found = (await history().catch(() => [])).at(-1)?.event;
        if (found === 'committed') return true;
        machine.guest.disconnect();
        throw new Error(found ?? 'nothing');
      },
      { what: 'the update to be committed', deadlineMs: 220_000 },
    );
    expect((await history()).at(-1)).toMatchObject({ version: '2026.11.1', source: { kind: 'channel' } });
  });

  step('an index that it saw is not replaced by an older one', async () => {
    await cp(join(published, 'stable'), join(folder, 'old'), { recursive: true });
    await release('2026.11.2');
    expect(await machine.guest.run('keelctl update check')).toContain('2026.11.2');
    await rename(join(published, 'stable'), join(folder, 'new'));
    await rename(join(folder, 'old'), join(published, 'stable'));
    const refused = await machine.guest.try('keelctl update check --json');
    expect(refused.exitCode).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({ isWell: false, code: 'INDEX_OLDER' });
  });

  step('a person goes back to the version before', async () => {
    await machine.guest.run('keelctl update rollback');
    await waitFor(
      async () => {
        const last = (await history().catch(() => [])).at(-1);
        if (last?.event === 'committed' && last.version === '2026.11.0') return true;
        machine.guest.disconnect();
        throw new Error(JSON.stringify(last));
      },
      { what: 'the old version to be kept', deadlineMs: 220_000 },
    );
    expect((await history()).at(-1)).toMatchObject({
      source: { kind: 'other-slot' },
      fromVersion: '2026.11.1',
    });
  });
});
