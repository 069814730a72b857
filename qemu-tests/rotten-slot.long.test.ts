import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { flipByte, repairByte } from './support/edit-disk.ts';
import type { FileServer } from './support/file-server.ts';
import { makeBundle } from './support/make-bundle.ts';
import { serveFolder } from './support/serve-folder.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { testOutputFolder } from './support/test-workshop.ts';
import { waitForRecord } from './support/update-history.ts';

/** The superblock of the root's file system begins here. */
const superblock = 1024;

promise('a slot that was good and rots is left by itself; where both have rotted none is given up', () => {
  const folder = join(testOutputFolder, 'rotten-slot/www');
  let machine: TestMachine;
  let server: FileServer;

  step('a machine has updated itself to version 2, which is good', async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await makeBundle('./qemu-tests/recipes/brisk', '2026.11.2', folder, 'two');
    machine = await makeTestMachine({ test: 'rotten-slot/machine', recipe: './qemu-tests/recipes/brisk' });
    server = await serveFolder(folder);
    await machine.boot();
    await machine.guest.run(`keelctl update install ${server.url}/two`);
    await waitForRecord(machine, { event: 'committed', version: '2026.11.2' });
    expect(await bootFile(machine)).toMatchObject({ slot: 'b', version: '2026.11.2', unclean: 0 });
    await machine.cutPower();
  });

  step('a byte of its slot flips: after three starts the machine runs version 1', async () => {
    await flipByte(machine, 'root-b', superblock);
    const startedAt = Date.now();
    await machine.boot();
    remark(`left after ${Math.round((Date.now() - startedAt) / 1000)} s`);
    expect(await bootFile(machine)).toMatchObject({ slot: 'a', version: '2026.11.0' });
    const log = await machine.serialLog();
    expect(log.match(/cannot start: no slot holds the root file system/g)).toHaveLength(3);
    expect(log).toContain('slot b was started 3 times');
  });

  step('history, status and login say why', async () => {
    const record = await waitForRecord(machine, { event: 'demoted', version: '2026.11.0' });
    const reason =
      'slot b was started 3 times and did not prove healthy: its content is not what this kernel was built for';
    expect(record).toMatchObject({ fromVersion: '2026.11.2', slot: 'b', reasons: [reason] });
    expect(await machine.guest.run('keelctl update status')).toContain(`version 2026.11.2 was left`);
    expect(await machine.guest.run('sh -lc true')).toContain(reason);
    await machine.cutPower();
  });

  step('the other slot rots too: both are tried in turn', async () => {
    await flipByte(machine, 'root-a', superblock);
    await machine.powerOn();
    await machine.waitForSerial(
      /slot a was started 3 times: [\s\S]*slot b was started 3 times .* Waiting 10 /,
    );
  });

  step('and again and again, with longer waits', async () => {
    for (const slot of ['a', 'b']) {
      const wait = (seconds: number) => `slot ${slot} was started [^\\n]* Waiting ${seconds} seconds`;
      await machine.waitForSerial(new RegExp(`${wait(10)}[\\s\\S]*${wait(20)}`), 300_000);
    }
    const log = await machine.serialLog();
    for (const slot of ['a', 'b']) {
      expect(log).toMatch(new RegExp(`slot ${slot} was started \\d+ times: its content is not`));
    }
    const waits = [...log.matchAll(/slot (\w) was started .* Waiting (\d+) seconds/g)].map(
      (found) => found[0],
    );
    remark(waits.join('\n# '));
    await machine.cutPower();
  });

  step('one of them is repaired: the machine runs it', async () => {
    await repairByte(machine, 'root-a', superblock);
    await machine.boot();
    expect(await bootFile(machine)).toMatchObject({ slot: 'a', version: '2026.11.0' });
    const log = await machine.serialLog();
    await machine.waitForSerial(/version 2026\.11\.0 is well and is kept/);
    remark(`starts until then: ${log.match(/cannot start/g)?.length ?? 0} in vain`);
  });
});

async function bootFile(machine: TestMachine): Promise<unknown> {
  return JSON.parse(await machine.guest.run('cat /run/keelson/boot.json'));
}
