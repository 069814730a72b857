import type { TestMachine } from './test-machine.ts';
import { waitFor } from './wait-for.ts';

const command =
  'mkdir -p /tmp/esp && mount -t vfat -o ro /dev/vda1 /tmp/esp && ls /tmp/esp/EFI/Linux && umount /tmp/esp';

/** What the boot loader of a running machine chooses from. The health gate may be at the partition still. */
export function readBootNames(machine: TestMachine): Promise<readonly string[]> {
  return waitFor(
    async () => (await machine.guest.run(command)).split('\n').filter((name) => !name.endsWith('.extra.d')),
    { what: 'a look at the EFI system partition', deadlineMs: 20_000 },
  );
}
