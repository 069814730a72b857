import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { updateBundleNames } from '../build/contract/update-bundle.ts';
import { bundleProgram } from '../build/rootfs/bundle-program.ts';
import { readBootNames } from './support/boot-names.ts';
import { writePartition } from './support/edit-disk.ts';
import { promise, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { artefactOf, keelson, testOutputFolder } from './support/test-workshop.ts';

/** Its health gate lets the test decide. */
const recipe = './qemu-tests/recipes/patient';

promise('the boot loader tries a slot, keeps it when it is good, and returns when it is not', () => {
  const newVersion = '2999.12.0';
  const program = '/tmp/boot-backend.js';
  let machine: TestMachine;

  const backend = (words: string) => machine.guest.run(`qjs --std -m ${program} ${words}`);
  const bootNames = () => readBootNames(machine);
  const bootedSlot = async () => {
    const boot = JSON.parse(await machine.guest.run('cat /run/keelson/boot.json'));
    expect(await machine.guest.run('cat /proc/cmdline')).toContain(`rauc.slot=${boot.slot}`);
    return boot.slot;
  };
  const installProgram = async () => {
    const text = (await (await bundleProgram('boot-backend')).read()).toString('base64');
    await machine.guest.run(`rm -f ${program}.base64`);
    for (let offset = 0; offset < text.length; offset += 8192)
      await machine.guest.run(`printf %s '${text.slice(offset, offset + 8192)}' >> ${program}.base64`);
    await machine.guest.run(`busybox base64 -d < ${program}.base64 > ${program}`);
  };
  /** As a power cut does it: what is not on the disk is gone. */
  const restart = async () => {
    await machine.cutPower();
    await machine.boot();
    await installProgram();
  };

  step(
    'minimal is built; slot b holds a newer version, from an update bundle of the size of its parts',
    async () => {
      machine = await makeTestMachine({ test: 'boot-backend', recipe });
      const { path, sizeBytes } = await makeBundle(newVersion);
      await writePartition(machine, 'root-b', await slotImageOf(machine, path));
      const parts = ['root', 'uki'].map((part) => artefactOf(machine.build, part).sizeBytes);
      const together = parts.reduce((sum, each) => sum + each, 0);
      expect(Math.abs(sizeBytes / together - 1)).toBeLessThan(0.03);
    },
  );

  step('it runs from slot a and knows of no other', async () => {
    await machine.boot();
    await installProgram();
    expect(await backend('get-current')).toBe('a');
    expect(await backend('get-primary')).toBe('a');
    expect(await backend('get-state a')).toBe('good');
    expect(await backend('get-state b')).toBe('bad');
  });

  step('slot b gets its entry, and its first boot is counted', async () => {
    await backend('set-state b bad');
    await backend('set-primary b');
    expect(await bootNames()).toEqual(['a.efi', 'b+3-0.efi']);
    expect(await backend('get-primary')).toBe('b');
    await restart();
    expect(await bootedSlot()).toBe('b');
    expect(await bootNames()).toEqual(['a.efi', 'b+2-1.efi']);
  });

  step('good: it is counted no more', async () => {
    await backend('set-state b good');
    await restart();
    expect(await bootedSlot()).toBe('b');
    expect(await bootNames()).toEqual(['a.efi', 'b.efi']);
  });

  step('back to the older slot a: slot b steps back, and a is on trial', async () => {
    await backend('set-primary a');
    expect(await bootNames()).toEqual(['a+3-0.efi', 'b+0-0.efi']);
    await restart();
    expect(await bootedSlot()).toBe('a');
  });

  step('nobody says that it is good: after three boots slot b is back', async () => {
    await restart();
    expect(await bootedSlot()).toBe('a');
    await restart();
    expect(await bootedSlot()).toBe('a');
    expect(await bootNames()).toEqual(['a+0-3.efi', 'b+0-0.efi']);
    await restart();
    expect(await bootedSlot()).toBe('b');
    expect(await backend('get-state a')).toBe('bad');
  });

  step('what runs is good again, and an entry that was lost is written from its slot', async () => {
    await backend('set-state b good');
    expect(await backend('get-primary')).toBe('b');
    await machine.guest.run(
      'mkdir -p /tmp/esp && mount -t vfat /dev/vda1 /tmp/esp && rm /tmp/esp/EFI/Linux/*.efi && touch /tmp/esp/EFI/Linux/a.tmp && umount /tmp/esp',
    );
    await backend('repair');
    expect(await bootNames()).toEqual(['b.efi']);
    await restart();
    expect(await bootedSlot()).toBe('b');
  });
});

const bundleFolder = join(testOutputFolder, 'boot-backend/bundle');

async function makeBundle(version: string): Promise<{ readonly path: string; readonly sizeBytes: number }> {
  await rm(bundleFolder, { recursive: true, force: true });
  const made = await keelson(['bundle', recipe, '--version', version, '--out', bundleFolder, '--json'], {
    environment: { XDG_CONFIG_HOME: bundleFolder },
  });
  if (made.exitCode !== 0) throw new Error(made.stderr);
  return JSON.parse(made.stdout.trim().split('\n').at(-1) ?? '');
}

async function slotImageOf(machine: TestMachine, bundlePath: string): Promise<Buffer> {
  const tools = await machine.workshop.openTools('update');
  const content = join(bundleFolder, 'content');
  await tools.run({
    file: '/usr/bin/unsquashfs',
    arguments: ['-quiet', '-no-progress', '-dest', content, bundlePath, updateBundleNames.imageFile],
    writable: [bundleFolder],
  });
  return readFile(join(content, updateBundleNames.imageFile));
}
