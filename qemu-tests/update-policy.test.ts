import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { shareOfMachine } from '../rootfs/programs/shared/tuf/wave-share.ts';
import type { UpdateState } from '../rootfs/programs/shared/update/update-record.ts';
import { plainUserData } from './support/machine.ts';
import { makeAuthority, type TlsAuthority } from './support/make-authority.ts';
import { makeBundle } from './support/make-bundle.ts';
import { serveWithNginx, type WebServer } from './support/serve-folder.ts';
import { promise, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { openTestWorkshop, runKeelson, testOutputFolder } from './support/test-workshop.ts';
import { readHistory, waitForRecord } from './support/update-history.ts';
import { waitFor } from './support/wait-for.ts';

const settingsPath = '/run/keelson/files/update.json';

promise(
  'a machine follows its channel over https, in its wave and in its window, and tells what came of it',
  () => {
    const folder = join(testOutputFolder, 'update-policy');
    const published = join(folder, 'www');
    let authority: TlsAuthority;
    let server: WebServer;
    let machine: TestMachine;

    const publish = async (...words: readonly string[]): Promise<void> => {
      const common = ['--to', published, '--channel', 'stable'];
      await runKeelson(['publish', ...words, ...common], { XDG_STATE_HOME: join(folder, 'publisher') });
    };
    const check = (): Promise<string> => machine.guest.run('keelctl update check');
    const settings = (hoursFromNow: number): string => {
      const hour = (new Date().getUTCHours() + hoursFromNow) % 24;
      const windows = [{ days: [], startMinute: hour * 60, lengthMinutes: 120 }];
      return JSON.stringify({ url: server.httpsUrl, intervalMinutes: 1, windows });
    };
    /** Two shares, in per cent, between which this machine's lies. */
    const sharesAround = async (): Promise<readonly [below: number, above: number]> => {
      const percent = shareOfMachine(await machine.guest.run('cat /etc/machine-id')) / 10_000;
      return [Math.max(0.0001, Number((percent - 0.001).toFixed(4))), Number((percent + 0.001).toFixed(4))];
    };

    step('a machine has a channel whose server an authority of the owner vouches for', async () => {
      await rm(folder, { recursive: true, force: true });
      await mkdir(published, { recursive: true });
      const workshop = await openTestWorkshop();
      authority = await makeAuthority(workshop, join(folder, 'authority'), '10.0.2.2');
      server = await serveWithNginx(workshop, published, authority);
      machine = await makeTestMachine({
        test: 'update-policy/machine',
        recipe: './qemu-tests/recipes/brisk',
        userData: (key) =>
          `${plainUserData(key)}write_files:
  - path: ${settingsPath}
    content: '${settings(12)}'
  - path: /run/keelson/files/update-authority.pem
    content: |
${authority.certificate.replaceAll(/^/gm, '      ')}
`,
      });
      await machine.boot();
      await machine.guest.run('keelctl update pause');
      const bundle = await makeBundle('./qemu-tests/recipes/one-file', '2026.11.1', folder, 'bundle');
      const [below] = await sharesAround();
      await publish(bundle, '--waves', `${below}%@0,100%@6h`);
      await machine.guest.run('keelctl update resume');
    });

    step('its wave has not come: it says when, and does nothing', async () => {
      expect(await check()).toMatch(/^version 2026\.11\.1 has to wait: NOT_IN_WAVE, until 20\d\d-/);
      expect(await readHistory(machine)).toEqual([]);
    });

    step('the wave reaches it: it installs by itself, and waits for its window', async () => {
      const [, above] = await sharesAround();
      await publish('--waves', `${above}%@0,100%@6h`);
      const state = await waitFor(
        async () => {
          const status = await machine.guest.run('keelctl update status --json');
          const { state: found } = JSON.parse(status) as { state: UpdateState };
          if (found.phase === 'staged') return found;
          throw new Error(JSON.stringify(found));
        },
        { what: 'version 2026.11.1 to be staged', deadlineMs: 300_000 },
      );
      const hours = (state.restartAt - Date.now() / 1000) / 3600;
      expect(hours).toBeGreaterThan(9.9);
      expect(hours).toBeLessThan(12.1);
      expect((await readHistory(machine)).at(-1)).toMatchObject({
        event: 'staged',
        source: { kind: 'channel' },
      });
    });

    step('the owner opens a window now: it restarts, and keeps the version', async () => {
      await machine.guest.run(`printf '%s' '${settings(0)}' >${settingsPath}`);
      // Whatever is asked has it look at once.
      const { stderr } = await machine.guest.try('keelctl update check');
      expect(stderr).toContain('an update waits for its restart');
      await waitForRecord(machine, { event: 'committed', version: '2026.11.1' });
    });

    step('the server learns at the next look what became of it, once', async () => {
      await check();
      await check();
      const told = (await readFile(server.verdictLogPath, 'utf8')).trim().split('\n');
      const words = new Set(told.map((line) => line.split(' ').slice(2, -1).join(' ')));
      expect([...words]).toEqual(['committed; version=2026.11.1; from=2026.11.0']);
      // Each of one look's few requests carries it, those of the second none.
      const looks = told.filter((line) => line.includes('timestamp.json'));
      expect(looks).toHaveLength(1);
    });
  },
);
