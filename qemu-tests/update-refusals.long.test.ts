import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { readBootNames } from './support/boot-names.ts';
import type { FileServer } from './support/file-server.ts';
import { makeBundle } from './support/make-bundle.ts';
import { makeAgedKeys, makeBadBundles } from './support/refusal-bundles.ts';
import { serveFolder, serveWithNginx } from './support/serve-folder.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { openTestWorkshop, runKeelson, testOutputFolder } from './support/test-workshop.ts';
import { readHistory, waitForRecord } from './support/update-history.ts';
import { waitFor } from './support/wait-for.ts';

const recipe = './qemu-tests/recipes/brisk';

promise('what a machine should not install it refuses, says why, and is as it was', () => {
  const folder = join(testOutputFolder, 'update-refusals');
  const keysFolder = join(folder, 'keys');
  const keys = { folder: keysFolder, options: ['--keys', keysFolder] };
  const published = join(folder, 'www');
  let machine: TestMachine;
  let server: FileServer;
  let good: string;

  const publish = (...words: string[]) =>
    runKeelson(['publish', ...words, '--to', published, ...keys.options], {
      XDG_STATE_HOME: join(folder, 'publisher'),
    });

  /** What a refusal must leave as it is. */
  const look = async () => ({
    names: await readBootNames(machine),
    // https://docs.kernel.org/block/stat.html: the seventh figure is sectors written since the start.
    sectorsWritten: (await machine.guest.run("awk '{ print $7 }' /sys/block/vda/vda[23]/stat")).split('\n'),
    phase: JSON.parse(await machine.guest.run('keelctl update status --json')).state.phase,
  });

  const expectRefusal = async (
    location: string,
    code: string,
    { event = 'refused', isMidway = false } = {},
  ): Promise<void> => {
    const before = await look();
    const { exitCode, stderr } = await machine.guest.try(`keelctl update install ${location}`);
    expect(stderr).toContain(`[${code}]`);
    expect(exitCode).toBe(1);
    const record = (await readHistory(machine)).at(-1);
    expect(record).toMatchObject({ event, code });
    const after = await look();
    if (isMidway) before.sectorsWritten[1] = after.sectorsWritten[1] ?? '';
    expect(after).toEqual(before);
    remark(`${code}: ${record?.reasons.join('; ')}`);
  };

  step(
    'a machine runs whose image knows of a revoked key, and bad bundles are made of a good one',
    async () => {
      const workshop = await openTestWorkshop();
      await rm(folder, { recursive: true, force: true });
      await mkdir(published, { recursive: true });
      await makeAgedKeys(workshop, keysFolder);
      good = await makeBundle(recipe, '2026.11.1', published, 'good', keys);
      await makeBadBundles(workshop, keysFolder, good, published);
      server = await serveFolder(published);
      machine = await makeTestMachine({ test: 'update-refusals/machine', recipe, keys });
      await machine.boot();
      expect(await readBootNames(machine)).toEqual(['a.efi']);
    },
  );

  step('a bundle that somebody else signed', () => expectRefusal(`${server.url}/foreign`, 'BUNDLE_UNSIGNED'));

  step('one by a key that has expired', () =>
    expectRefusal(`${server.url}/expired`, 'BUNDLE_SIGNER_EXPIRED'),
  );

  step('one by a key that was revoked', () =>
    expectRefusal(`${server.url}/revoked`, 'BUNDLE_SIGNER_REVOKED'),
  );

  step('one for another kind of machine', () =>
    expectRefusal(`${server.url}/other-machine`, 'BUNDLE_INCOMPATIBLE'),
  );

  step('an older version', () => expectRefusal(`${server.url}/older`, 'BUNDLE_DOWNGRADE'));

  step('one that does not fit on the disk', () => expectRefusal(`${server.url}/huge`, 'BUNDLE_TOO_LARGE'));

  step('one whose first block was changed', () =>
    expectRefusal(`${server.url}/changed-head`, 'BUNDLE_DAMAGED'),
  );

  step('one that is cut short', async () => {
    await expectRefusal(`${server.url}/short`, 'BUNDLE_DAMAGED');
    await machine.guest.run(`wget -q ${server.url}/short -O /root/short.raucb`);
    await expectRefusal('/root/short.raucb', 'BUNDLE_DAMAGED');
    await machine.guest.run('rm /root/short.raucb');
  });

  step('one that was changed in the middle, which shows when it is reached', () =>
    expectRefusal(`${server.url}/changed-middle`, 'BUNDLE_DAMAGED', { isMidway: true }),
  );

  step('from a server that says nothing', () =>
    expectRefusal(`${server.faultyUrl('silent')}/good`, 'SERVER_STALLED', { event: 'failed' }),
  );

  step('from one that stops in the middle', () =>
    expectRefusal(`${server.faultyUrl('stalls')}/good`, 'SERVER_STALLED', {
      event: 'failed',
      isMidway: true,
    }),
  );

  step('from one that sends whole files', () =>
    expectRefusal(`${server.faultyUrl('whole-files')}/good`, 'SERVER_WITHOUT_RANGES', { event: 'failed' }),
  );

  step('from one that sends other bytes than those that were asked for', () =>
    expectRefusal(`${server.faultyUrl('other-bytes')}/good`, 'BUNDLE_DAMAGED', { isMidway: true }),
  );

  step('from one that says a wrong size', async () => {
    await expectRefusal(`${server.faultyUrl('short')}/good`, 'BUNDLE_DAMAGED');
    await expectRefusal(`${server.faultyUrl('long')}/good`, 'BUNDLE_DAMAGED');
  });

  /** What RAUC reads a bundle through. */
  const devices = () =>
    machine.guest.run('cat /sys/block/dm-*/dm/name | grep rauc; ls -d /sys/block/nbd*/pid 2>/dev/null; true');

  step(
    'what an installation left that was killed as it opened its bundle is in nobody’s way',
    async () => {
      const url = `${server.faultyUrl('stalls-at-mount')}/good`;
      const asked = machine.guest.try(`keelctl update install ${url}`);
      await waitFor(async () => (await devices()).includes('rauc-verity-bundle'), {
        what: 'the bundle to be opened',
        deadlineMs: 60_000,
      });
      await machine.guest.run(`kill -KILL ${(await machine.guest.service('update')).pid}`);
      expect((await asked).stderr).toContain('[INSTALL_INTERRUPTED]');
      remark(`left of it: ${(await devices()).replaceAll('\n', ' ')}`);
      await expectRefusal(`${server.url}/changed-middle`, 'BUNDLE_DAMAGED', { isMidway: true });
      expect(await devices()).toBe('');
    },
    { deadlineMs: 600_000 },
  );

  const follow = (url: string) =>
    machine.guest.run(`echo '{"url":"${url}","intervalMinutes":1000}' >/run/keelson/files/update.json`);

  const expectIndexRefusal = async (code: string): Promise<void> => {
    const before = await look();
    const { exitCode, stdout } = await machine.guest.try('keelctl update check --json');
    expect(JSON.parse(stdout)).toMatchObject({ isWell: false, code });
    expect(exitCode).toBe(1);
    expect(await look()).toEqual(before);
    remark(`${code}: ${JSON.parse(stdout).message}`);
  };

  step('the good one is published, and the machine sees it', async () => {
    await publish(good, '--channel', 'stable', '--pause');
    await publish(good, '--channel', 'beta');
    await machine.guest.run('mkdir -p /run/keelson/files');
    await follow(server.url);
    expect(await machine.guest.run('keelctl update check')).toContain('2026.11.1');
  });

  step('an index that is older than the one it saw', async () => {
    await cp(join(published, 'stable'), join(folder, 'old'), { recursive: true });
    await publish('--resume', '--channel', 'stable');
    expect(await machine.guest.run('keelctl update check')).toContain('2026.11.1');
    await rename(join(published, 'stable'), join(folder, 'new'));
    await rename(join(folder, 'old'), join(published, 'stable'));
    await expectIndexRefusal('INDEX_OLDER');
  });

  step('the index of another channel', async () => {
    await rename(join(published, 'stable'), join(folder, 'old'));
    await cp(join(published, 'beta'), join(published, 'stable'), { recursive: true });
    await expectIndexRefusal('INDEX_FOREIGN');
    await rm(join(published, 'stable'), { recursive: true });
    await rename(join(folder, 'new'), join(published, 'stable'));
  });

  step('an index that nobody renewed', async () => {
    await machine.guest.run('date -u -s @$(($(date +%s) + 8 * 86400))');
    await expectIndexRefusal('INDEX_EXPIRED');
    await machine.guest.run('date -u -s @$(($(date +%s) - 8 * 86400))');
  });

  step(
    'after all of that it takes the good one from its channel, served by nginx, and keeps it',
    async () => {
      await follow((await serveWithNginx(machine.workshop, published)).url);
      await machine.guest.run('keelctl update install');
      await waitForRecord(machine, { event: 'committed', version: '2026.11.1' });
      expect(await readBootNames(machine)).toEqual(['a.efi', 'b.efi']);
    },
  );
});
