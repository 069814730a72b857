import { expect } from '@jest/globals';
import { growMachineDisk } from '../build/qemu/machine-files.ts';
import { fillPartition } from './support/edit-disk.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';

const stateFolder = '/var/lib/keelson';

promise('state outlives what a machine lives through, and its loss is survived', () => {
  let machine: TestMachine;
  let hostKeys: string;

  step('a machine boots and a file is written to its state', async () => {
    machine = await makeTestMachine({ test: 'state' });
    await machine.boot();
    await machine.guest.run(`echo kept > ${stateFolder}/note`);
    hostKeys = await readHostKeys();
  });

  step('only listed paths can be written', async () => {
    for (const path of ['/usr/x', '/etc/x', '/x']) {
      expect((await machine.guest.try(`touch /proc/1/root${path}`)).exitCode).not.toBe(0);
    }
  });

  step('a reboot keeps the file and the host keys', async () => {
    const bootId = await machine.guest.bootId();
    await machine.guest.try('reboot');
    await machine.guest.waitForOtherBoot(bootId, 120_000);
    await expectKept();
  });

  step('the power button switches it off, with the state unmounted', async () => {
    await machine.running().pressPowerButton();
    await machine.waitUntilOff();
    await machine.boot();
    await expectKept();
    expect(await machine.guest.run('dmesg')).not.toMatch(/recovery complete|recovering journal/);
  });

  step('the log of the time before is still there', async () => {
    const files = await machine.guest.run(`cat ${stateFolder}/log/*`);
    // The first boot, the reboot, and the one after the power button.
    expect(files.match(/"message":"Linux version /g)).toHaveLength(3);
  });

  step('a power cut loses nothing that was synced', async () => {
    await machine.guest.run(`echo synced > ${stateFolder}/synced && sync`);
    await machine.cutPower();
    await machine.boot();
    await expectKept();
    expect(await machine.guest.run(`cat ${stateFolder}/synced`)).toBe('synced');
  });

  step('a larger disk is used', async () => {
    const before = await stateKiB();
    await machine.guest.try('poweroff');
    await machine.waitUntilOff();
    await growMachineDisk(machine.workshop, machine.files, 2 * 1024 ** 3);
    await machine.boot();
    await expectKept();
    const after = await stateKiB();
    remark(`state: ${before} KiB before, ${after} KiB after`);
    expect(after).toBeGreaterThan(1_000_000);
    expect(after).toBeGreaterThan(before);
  });

  step('a wiped state partition is made anew', async () => {
    await machine.guest.try('poweroff');
    await machine.waitUntilOff();
    await fillPartition(machine, 'state', 0);
    await machine.boot();
    expect((await machine.guest.try(`cat ${stateFolder}/note`)).exitCode).not.toBe(0);
    expect(await readHostKeys()).not.toBe(hostKeys);
  });

  step('a state partition full of rubbish does not keep anybody out', async () => {
    await machine.cutPower();
    await fillPartition(machine, 'state', 0xa5);
    await machine.boot();
    await machine.guest.run(`echo again > ${stateFolder}/note`);
    remark(`state: ${(await machine.guest.run('cat /run/keelson/state.json')).replaceAll(/\s+/g, ' ')}`);
  });

  async function readHostKeys(): Promise<string> {
    return machine.guest.run('cat /var/lib/keelson/services/sshd/etc-ssh-keys/*.pub | sort');
  }

  async function expectKept(): Promise<void> {
    expect(await machine.guest.run(`cat ${stateFolder}/note`)).toBe('kept');
    expect(await readHostKeys()).toBe(hostKeys);
  }

  /** Size of the mounted state file system. */
  async function stateKiB(): Promise<number> {
    return Number(await machine.guest.run(`df -Pk ${stateFolder} | awk 'NR == 2 { print $2 }'`));
  }
});
