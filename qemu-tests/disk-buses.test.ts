import { expect } from '@jest/globals';
import { promise, step } from './support/step.ts';
import { makeTestMachine } from './support/test-machine.ts';

/** Names that Linux gives to disks of each kind. */
const disks = { nvme: /^nvme/, ahci: /^sd/, 'virtio-scsi': /^sd/ } as const;

promise('the root is found on other disks than virtio', () => {
  for (const [diskBus, name] of Object.entries(disks) as [keyof typeof disks, RegExp][]) {
    step(`a machine boots from ${diskBus}`, async () => {
      const machine = await makeTestMachine({ test: `disk-${diskBus}`, diskBus });
      await machine.boot();
      expect(JSON.parse(await machine.guest.run('cat /run/keelson/boot.json')).disk).toMatch(name);
      expect(await machine.guest.run('awk \'$2 == "/var/lib/keelson"\' /proc/1/mounts')).toMatch(
        /^\/dev\/\S+ \S+ ext4 rw/,
      );
      await machine.dispose();
    });
  }
});
