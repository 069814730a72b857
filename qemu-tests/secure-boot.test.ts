import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { readFat, readFatFile } from '../build/boot/read-fat.ts';
import { espLayout } from '../build/contract/machine-layout.ts';
import { signEfiProgram } from '../build/keys/authenticode.ts';
import { makeKeys } from '../build/keys/make-keys.ts';
import { signerFor } from '../build/keys/open-keys.ts';
import { noSecrets } from '../build/keys/secrets.ts';
import { writePartition } from './support/edit-disk.ts';
import { partitionOf, readBytes } from './support/partitions.ts';
import { promise, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { artefactOf, buildRecipe, testOutputFolder } from './support/test-workshop.ts';

const refused = /Error loading \\EFI\\Linux\\a\.efi: Access denied/;

promise('with Secure Boot nothing starts that its owner did not sign', () => {
  let machine: TestMachine;
  let signed: Buffer;

  step('minimal is built and signed with development keys', async () => {
    machine = await makeTestMachine({ test: 'secure-boot', hasSecureBoot: true });
    signed = await readFile(artefactOf(machine.build, 'uki').path);
  });

  step('a machine in setup mode enrols the keys at its first start, and starts again', async () => {
    await machine.boot();
    expect(await machine.serialLog()).toMatch(/Custom Secure Boot keys successfully enrolled/);
  });

  step('from then on Secure Boot is on', async () => {
    expect(await machine.serialLog()).toMatch(/UEFI Secure Boot is enabled/);
    expect(await machine.guest.run('dmesg')).toMatch(/[Ss]ecure boot enabled/);
    await machine.cutPower();
  });

  step('an unsigned unified kernel image does not start', async () => {
    const unsigned = await buildRecipe('minimal', join(testOutputFolder, 'images/minimal'));
    await putFile(espLayout.kernel.a, await readFile(artefactOf(unsigned, 'uki').path));
    await expectRefusal();
  });

  step('nor does one with a foreign signature', async () => {
    const folder = join(testOutputFolder, 'secure-boot/foreign-keys');
    const { workshop } = machine;
    const foreign = await makeKeys(workshop, {
      name: 'foreign',
      folder,
      askSecret: noSecrets,
      isDevelopment: true,
      isForced: true,
    });
    await putFile(espLayout.kernel.a, await signEfiProgram(signerFor(foreign, 'boot'), signed));
    await rm(folder, { recursive: true });
    await expectRefusal();
  });

  step('nor one whose command line was changed', async () => {
    const changed = Buffer.from(signed);
    const at = changed.indexOf('panic=10');
    expect(at).toBeGreaterThan(0);
    changed.write('panic=99', at);
    await putFile(espLayout.kernel.a, changed);
    await expectRefusal();
  });

  step('an addon that was not signed is ignored; the signed image starts', async () => {
    await putFile(espLayout.addon.a, await unsignedAddon());
    await machine.boot();
    expect(await machine.serialLog()).toMatch(/Failed to read 'slot\.addon\.efi'.*Access denied/);
    expect(await machine.guest.run('cat /proc/cmdline')).not.toMatch(/rauc\.slot/);
    await machine.cutPower();
  });

  step('and untouched it starts as before', async () => {
    await writePartition(machine, 'esp', await freshEsp());
    await machine.boot();
    expect(await machine.guest.run('cat /proc/cmdline')).toMatch(/rauc\.slot=a/);
    await machine.cutPower();
  });

  async function expectRefusal(): Promise<void> {
    await machine.powerOn();
    const log = await machine.waitForSerial(refused);
    expect(log).not.toMatch(/EFI stub|keelson login/);
    await machine.cutPower();
  }

  async function freshEsp(): Promise<Buffer> {
    const diskPath = artefactOf(machine.build, 'disk', 'raw').path;
    const { offsetBytes, sizeBytes } = await partitionOf(diskPath, 'esp');
    return readBytes(diskPath, offsetBytes, sizeBytes);
  }

  /** As a build without signatures has it. */
  async function unsignedAddon(): Promise<Uint8Array> {
    const plain = await buildRecipe('minimal', join(testOutputFolder, 'images/minimal'));
    const diskPath = artefactOf(plain, 'disk', 'raw').path;
    const { offsetBytes, sizeBytes } = await partitionOf(diskPath, 'esp');
    const esp = await readBytes(diskPath, offsetBytes, sizeBytes);
    const read = (offset: number, size: number) => esp.subarray(offset, offset + size);
    const entry = readFat(read).find(({ path }) => path === espLayout.addon.a);
    if (entry === undefined) throw new Error('the plain build has no addon');
    return readFatFile(read, entry);
  }

  /** The ESP as it was built, but for one file. */
  async function putFile(path: string, content: Uint8Array): Promise<void> {
    const { folder } = machine.files;
    const esp = join(folder, 'esp.fat');
    const file = join(folder, 'file');
    await writeFile(esp, await freshEsp());
    await writeFile(file, content);
    const tools = await machine.workshop.openTools('image');
    await tools.run({
      file: '/usr/bin/mcopy',
      arguments: ['-o', '-i', esp, file, `::${path}`],
      writable: [folder],
    });
    await writePartition(machine, 'esp', await readFile(esp));
    await rm(esp);
    await rm(file);
  }
});
