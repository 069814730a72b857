import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { espLayout } from '../build/contract/machine-layout.ts';
import { signEfiProgram } from '../build/keys/authenticode.ts';
import { makeKeys } from '../build/keys/make-keys.ts';
import { openKeys, signerFor } from '../build/keys/open-keys.ts';
import { noSecrets } from '../build/keys/secrets.ts';
import { loaderVersion, waitForRepair, withMajorVersion } from './support/boot-files.ts';
import { changeEsp, readEsp, readEspFile } from './support/edit-esp.ts';
import { promise, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { artefactOf, buildRecipe, testKeysEnvironment, testOutputFolder } from './support/test-workshop.ts';

const refused = /Error loading \\EFI\\Linux\\a\.efi: Access denied/;

promise('with Secure Boot nothing starts that its owner did not sign', () => {
  let machine: TestMachine;
  const loader = espLayout.bootLoader['x86-64'];
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
    await changeEsp(machine, { [espLayout.kernel.a]: await readFile(artefactOf(unsigned, 'uki').path) });
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
    const resigned = await signEfiProgram(signerFor(foreign, 'boot'), signed);
    await changeEsp(machine, { [espLayout.kernel.a]: resigned });
    await rm(folder, { recursive: true });
    await expectRefusal();
  });

  step('nor one whose command line was changed', async () => {
    const changed = Buffer.from(signed);
    const at = changed.indexOf('panic=10');
    expect(at).toBeGreaterThan(0);
    changed.write('panic=99', at);
    await changeEsp(machine, { [espLayout.kernel.a]: changed });
    await expectRefusal();
  });

  step('an addon that was not signed is ignored; the signed image starts', async () => {
    await changeEsp(machine, { [espLayout.addon.a]: await unsignedAddon() });
    await machine.boot();
    expect(await machine.serialLog()).toMatch(/Failed to read 'slot\.addon\.efi'.*Access denied/);
    expect(await machine.guest.run('cat /proc/cmdline')).not.toMatch(/rauc\.slot/);
  });

  step('the machine mends it, and replaces a signed boot loader that is older by its own', async () => {
    const { done } = await waitForRepair(machine);
    expect(done).toEqual([`${espLayout.addon.a} differed from that of this version and was replaced`]);
    await machine.cutPower();
    const own = readEspFile(await readEsp(artefactOf(machine.build, 'disk', 'raw').path), loader);
    const keys = await openKeys(machine.workshop, {
      folder: join(testKeysEnvironment.XDG_CONFIG_HOME, 'keelson/keys/development'),
    });
    const older = Buffer.from(await signEfiProgram(signerFor(keys, 'boot'), withMajorVersion(own, '256')));
    await changeEsp(machine, { [loader]: older });
    await machine.boot();
    expect(await machine.serialLog()).toMatch(/UEFI Secure Boot is enabled/);
    const { done: updated } = await waitForRepair(machine);
    const version = loaderVersion(own);
    const old = loaderVersion(older);
    expect(updated).toEqual([`the boot loader was updated from systemd-boot ${old} to ${version}`]);
    await machine.cutPower();
  });

  step('which starts it as before', async () => {
    await machine.boot();
    expect(await machine.serialLog()).toMatch(/UEFI Secure Boot is enabled/);
    expect(await machine.guest.run('cat /proc/cmdline')).toMatch(/rauc\.slot=a/);
    await machine.cutPower();
  });

  async function expectRefusal(): Promise<void> {
    await machine.powerOn();
    const log = await machine.waitForSerial(refused);
    expect(log).not.toMatch(/EFI stub|keelson login/);
    await machine.cutPower();
  }

  /** As a build without signatures has it. */
  async function unsignedAddon(): Promise<Uint8Array> {
    const plain = await buildRecipe('minimal', join(testOutputFolder, 'images/minimal'));
    return readEspFile(await readEsp(artefactOf(plain, 'disk', 'raw').path), espLayout.addon.a);
  }
});
