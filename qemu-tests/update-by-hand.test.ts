import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { makeBundle } from './support/make-bundle.ts';
import { makeStick } from './support/make-stick.ts';
import { makeOwnerKeys, type OwnerKeys } from './support/owner-keys.ts';
import { promise, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { testOutputFolder } from './support/test-workshop.ts';
import { readHistory, waitForRecord } from './support/update-history.ts';

const recipe = './qemu-tests/recipes/brisk';

promise('a person updates a machine from a stick, across a change of keys, though its state is full', () => {
  const folder = join(testOutputFolder, 'update-by-hand');
  const bundles = join(folder, 'www');
  const stick = join(folder, 'stick/stick.img');
  let keys: OwnerKeys;
  let machine: TestMachine;

  const bootFacts = async () => JSON.parse(await machine.guest.run('cat /run/keelson/boot.json'));

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
});
