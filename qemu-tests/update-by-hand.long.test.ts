import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { readBootNames } from './support/boot-names.ts';
import { fillPartition, removePartition } from './support/edit-disk.ts';
import type { FileServer } from './support/file-server.ts';
import { resignBundle } from './support/forge-bundle.ts';
import { makeBundle } from './support/make-bundle.ts';
import { makeStick } from './support/make-stick.ts';
import { makeOwnerKeys, type OwnerKeys } from './support/owner-keys.ts';
import { serveFolder } from './support/serve-folder.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { openTestWorkshop, testOutputFolder } from './support/test-workshop.ts';
import { readHistory, waitForRecord } from './support/update-history.ts';
import { waitFor } from './support/wait-for.ts';

const recipe = './qemu-tests/recipes/brisk';

promise(
  'a person updates a machine by hand, across a change of keys, and whatever became of its state',
  () => {
    const folder = join(testOutputFolder, 'update-by-hand');
    const bundles = join(folder, 'www');
    const stick = join(folder, 'stick/stick.img');
    let keys: OwnerKeys;
    let machine: TestMachine;
    let server: FileServer;

    const bootFacts = async () => JSON.parse(await machine.guest.run('cat /run/keelson/boot.json'));
    const stateFacts = async () => JSON.parse(await machine.guest.run('cat /run/keelson/state.json'));

    step(
      'version 1 trusts the old root, version 2 the old and the new one, version 3 the new one',
      async () => {
        await rm(folder, { recursive: true, force: true });
        await mkdir(bundles, { recursive: true });
        keys = await makeOwnerKeys(join(folder, 'keys'));
        machine = await makeTestMachine({
          test: 'update-by-hand/machine',
          recipe,
          keys,
          mediumPath: stick,
        });
        await keys.run('rotate', 'root');
        const second = await makeBundle(recipe, '2026.11.1', bundles, '2.raucb', keys);
        await keys.run('rotate', 'root', '--finish');
        const third = await makeBundle(recipe, '2026.11.2', bundles, '3.raucb', keys);
        await makeStick(machine.workshop, stick, [second, third]);
        await machine.boot();
      },
    );

    step('version 1 refuses version 3: it missed the release between', async () => {
      await machine.guest.run('mkdir -p /tmp/stick && mount -t vfat -o ro /dev/sda /tmp/stick');
      const refused = await machine.guest.try('keelctl update install /tmp/stick/3.raucb');
      expect(refused.stderr).toContain('[BUNDLE_UNSIGNED]');
      expect(refused.exitCode).toBe(1);
    });

    step('its state is full: no byte more can be written', async () => {
      await machine.guest.try('dd if=/dev/zero of=/root/full bs=64k; dd if=/dev/zero of=/root/last bs=1k');
      const refused = await machine.guest.try('echo more >/root/more && sync && cat /root/more');
      expect(refused.stdout).not.toContain('more');
    });

    step('version 2 is installed from the stick, tried, and kept', async () => {
      await machine.guest.run('keelctl update install /tmp/stick/2.raucb');
      await waitForRecord(machine, { event: 'committed', version: '2026.11.1' });
      expect((await readHistory(machine)).at(-1)).toMatchObject({
        source: { kind: 'file', location: '/tmp/stick/2.raucb' },
      });
      expect(await bootFacts()).toMatchObject({ slot: 'b', version: '2026.11.1' });
    });

    step('its state partition goes missing: the machine starts with a new one', async () => {
      await machine.cutPower();
      await removePartition(machine, 'state');
      await machine.boot();
      const { kind, actions } = await stateFacts();
      expect(kind).toBe('disk');
      expect(actions.join('; ')).toMatch(/made partition .*made a file system/);
      expect(await readHistory(machine)).toEqual([]);
    });

    step('version 3, copied by SSH and signed by the new key, is installed, tried, and kept', async () => {
      await machine.guest.copyTo(join(bundles, '3.raucb'), '/root/3.raucb');
      await machine.guest.run('keelctl update install /root/3.raucb');
      await waitForRecord(machine, { event: 'committed', version: '2026.11.2' });
      expect(await bootFacts()).toMatchObject({ slot: 'a', version: '2026.11.2' });
    });

    step('its state becomes rubbish: the machine starts with memory in its place', async () => {
      await machine.cutPower();
      await fillPartition(machine, 'state', 0xa5);
      await machine.boot();
      expect((await stateFacts()).kind).toBe('memory');
      server = await serveFolder(bundles);
    });

    const forge = async (name: string, state: 'current' | 'retired'): Promise<string> => {
      const workshop = await openTestWorkshop();
      const sign = await keys.signerOf(workshop, state);
      const path = join(bundles, name);
      await resignBundle(workshop, join(bundles, '3.raucb'), path, sign, { version: '2026.11.3' });
      return `${server.url}/${name}`;
    };

    step('what the old key signs is refused from now on', async () => {
      const refused = await machine.guest.try(`keelctl update install ${await forge('old-key', 'retired')}`);
      expect(refused.stderr).toContain('[BUNDLE_UNSIGNED]');
      const record = (await readHistory(machine)).at(-1);
      expect(record).toMatchObject({ event: 'refused', code: 'BUNDLE_UNSIGNED' });
      remark(`${record?.code}: ${record?.reasons.join('; ')}`);
    });

    step('what the new key signs is installed over HTTP, tried, and kept, without any state', async () => {
      await machine.guest.run(`keelctl update install ${await forge('new-key', 'current')}`);
      await waitFor(
        async () => {
          const { slot } = await bootFacts().catch((error: Error) => {
            machine.guest.disconnect();
            throw error;
          });
          return slot === 'b';
        },
        { what: 'a start from slot b', deadlineMs: 180_000 },
      );
      await waitFor(
        async () => {
          const names = await readBootNames(machine);
          if (names.includes('b.efi')) return true;
          throw new Error(names.join(', '));
        },
        { what: 'slot b to be good', deadlineMs: 120_000 },
      );
    });
  },
);
