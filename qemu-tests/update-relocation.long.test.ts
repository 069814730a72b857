import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { readBootNames } from './support/boot-names.ts';
import { tearPartitionTable } from './support/edit-disk.ts';
import type { FileServer } from './support/file-server.ts';
import { makeBundle } from './support/make-bundle.ts';
import { readMachineTable } from './support/read-machine-table.ts';
import { serveFolder } from './support/serve-folder.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { testOutputFolder } from './support/test-workshop.ts';
import { readHistory, waitForRecord } from './support/update-history.ts';
import { writeBallastRecipe } from './support/write-ballast-recipe.ts';

const mebibyte = 1024 ** 2;

promise('a version that outgrew its slot is installed all the same, and a power cut does no harm', () => {
  const folder = join(testOutputFolder, 'update-relocation');
  const served = join(folder, 'www');
  let machine: TestMachine;
  let server: FileServer;

  /** `size@start` in MiB, as the kernel knows them. */
  const slot = async (number: number) => {
    const file = (name: string) => `/sys/class/block/vda${number}/${name}`;
    const sectors = await machine.guest.run(`cat ${file('size')} ${file('start')}`);
    return sectors
      .split('\n')
      .map((count) => Number(count) / 2048)
      .join('@');
  };
  const stateActions = async () =>
    JSON.parse(await machine.guest.run('cat /run/keelson/state.json')).actions as readonly string[];
  const bootFacts = async () => JSON.parse(await machine.guest.run('cat /run/keelson/boot.json'));
  const readTables = () => machine.guest.run('head -c 17408 /dev/vda | sha256sum');

  step('version 1 runs in slots of 48 MiB; versions 2 and 3 are larger', async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(served, { recursive: true });
    machine = await makeTestMachine({
      test: 'update-relocation/machine',
      recipe: './qemu-tests/recipes/small-slots',
    });
    const light = await writeBallastRecipe(join(folder, 'light'), 12);
    const heavy = await writeBallastRecipe(join(folder, 'heavy'), 28);
    await makeBundle(light, '2026.11.1', served, '2');
    await makeBundle(heavy, '2026.11.2', served, '3');
    await makeBundle(heavy, '2026.11.3', served, '4');
    server = await serveFolder(served);
    await machine.boot();
    await machine.guest.run('echo mine >/root/mine && sync');
    expect(await slot(3)).toBe('48@113');
  });

  step('the power goes while slot b is moved', async () => {
    const install = machine.guest.try(`keelctl update install ${server.url}/2`).catch(() => undefined);
    await machine.guest.run("until dmesg | grep -q 'slot b moves'; do :; done");
    await machine.cutPower();
    await install;
    const { primary, backup, used } = await readMachineTable(machine);
    const starts = [primary, backup].map((read) =>
      'copy' in read
        ? (read.copy.partitions.find(({ name }) => name === 'root-b')?.offsetBytes ?? 0) / mebibyte
        : read.fault,
    );
    remark(`slot b begins at: primary ${starts[0]}, backup ${starts[1]}`);
    expect(used?.partitions.filter(({ name }) => name !== 'root-b').map(({ name }) => name)).toEqual([
      'esp',
      'root-a',
      'state',
    ]);
  });

  step('the machine is back on version 1, with its state', async () => {
    await machine.boot();
    expect(await bootFacts()).toMatchObject({ slot: 'a', version: '2026.11.0' });
    expect(await machine.guest.run('cat /root/mine')).toBe('mine');
    remark(`at boot: ${(await stateActions()).join('; ') || 'nothing to repair'}`);
  });

  step('asked again, it installs version 2 into the place that was the reserve', async () => {
    await machine.guest.run(`keelctl update install ${server.url}/2`);
    await waitForRecord(machine, { event: 'committed', version: '2026.11.1' });
    expect(await slot(3)).toBe('64@289');
    expect(await bootFacts()).toMatchObject({ slot: 'b', partition: 'vda3' });
    expect(await machine.guest.run('cat /root/mine')).toBe('mine');
  });

  step('for version 3 slot a grows into the place that slot b left', async () => {
    await machine.guest.run(`keelctl update install ${server.url}/3`);
    await waitForRecord(machine, { event: 'committed', version: '2026.11.2' });
    expect(await slot(2)).toBe('96@65');
    expect(await bootFacts()).toMatchObject({ slot: 'a', partition: 'vda2' });
    const moves = (await readHistory(machine)).filter(({ event }) => event === 'relocated');
    expect(moves.map(({ slot: moved, version }) => `${moved} for ${version}`).at(-1)).toBe('a for 2026.11.2');
  });

  step('a version that no place on the disk can hold is refused, and nothing has changed', async () => {
    const before = [await readTables(), await readBootNames(machine)];
    const refused = await machine.guest.try(`keelctl update install ${server.url}/4`);
    expect(refused.exitCode).toBe(1);
    const record = (await readHistory(machine)).at(-1);
    expect(record).toMatchObject({ event: 'refused', code: 'BUNDLE_TOO_LARGE' });
    remark(record?.reasons.join('; ') ?? '');
    expect([await readTables(), await readBootNames(machine)]).toEqual(before);
    expect((await bootFacts()).version).toBe('2026.11.2');
  });

  step('a partition table whose primary copy is torn is used from its backup, and repaired', async () => {
    await machine.guest.run('sync');
    await machine.cutPower();
    await tearPartitionTable(machine);
    expect((await readMachineTable(machine)).primary).toHaveProperty('fault');
    await machine.boot();
    expect(await bootFacts()).toMatchObject({ version: '2026.11.2' });
    expect(await machine.guest.run('cat /root/mine')).toBe('mine');
    remark(`at boot: ${(await stateActions()).join('; ') || 'the firmware had repaired it'}`);
    await machine.cutPower();
    const table = await readMachineTable(machine);
    expect(table.agrees).toBe(true);
    expect(table.used?.partitions.map(({ name, sizeBytes }) => [name, sizeBytes / mebibyte])).toEqual([
      ['esp', 64],
      ['root-a', 96],
      ['root-b', 64],
      ['state', 128],
    ]);
  });
});
