import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Guest } from '../../../qemu-tests/support/guest.ts';
import { InVain, patience, within } from '../../../qemu-tests/support/wait-for.ts';
import type { LoginKey } from '../../qemu/login-key.ts';
import { makeMachineFiles } from '../../qemu/machine-files.ts';
import { makeSeed } from '../../qemu/make-seed.ts';
import { type RunningMachine, startMachine } from '../../qemu/start-machine.ts';
import type { Workshop } from '../../tools/workshop.ts';
import type { Job } from '../contenders/contender.ts';
import { type MachineFacts, readFacts } from './machine-facts.ts';
import { waitForGreeting } from './wait-for-greeting.ts';

/** From the moment the power comes on. */
export interface BootTimes {
  /** Until root has run a command over SSH. */
  readonly sshSeconds: number;
  /** Until `docker info` succeeds there; only of machines that have Docker. */
  readonly engineSeconds?: number;
}

/** A machine of one contender's disk: of the same kind for all of them, with a disk that it keeps from boot to boot. */
export interface BenchMachine {
  boot(): Promise<BootTimes>;
  facts(): Promise<MachineFacts>;
  /** As a person switches it off. */
  switchOff(): Promise<void>;
  /** Takes the power away and removes the disk. */
  dispose(): Promise<void>;
}

/** The same hardware for everybody; see machine-arguments.ts for the rest. */
export const benchHardware = { memoryMiB: 1024, cpus: 2, diskSizeBytes: 4 * 1024 ** 3 } as const;

const deadlinesMs = {
  greeting: 300_000 * patience,
  login: 180_000,
  engine: 300_000 * patience,
  switchOff: 120_000 * patience,
} as const;

export async function makeBenchMachine(
  workshop: Workshop,
  contender: { readonly name: string; readonly job: Job },
  diskPath: string,
  { folder, loginKey }: { readonly folder: string; readonly loginKey: LoginKey },
): Promise<BenchMachine> {
  await rm(folder, { recursive: true, force: true });
  const files = await makeMachineFiles(workshop, {
    architecture: 'x86-64',
    folder: join(folder, 'machine'),
    baseDiskPath: diskPath,
    diskSizeBytes: benchHardware.diskSizeBytes,
  });
  const seedPath = await makeSeed(workshop, {
    folder: join(folder, 'seed'),
    userData: `#cloud-config\nssh_authorized_keys:\n  - ${loginKey.publicKey}\n`,
    metaData: `instance-id: bench\n`,
  });
  let machine: RunningMachine | undefined;
  const running = (): RunningMachine => {
    if (machine === undefined) throw new InVain('the machine is off');
    return machine;
  };
  const guest = new Guest(() => ({
    port: running().portOf(22),
    user: 'root',
    privateKey: loginKey.privateKey,
  }));
  const cutPower = async (): Promise<void> => {
    guest.disconnect();
    await machine?.cutPower();
    machine = undefined;
  };
  return {
    boot: async () => {
      const startedAt = performance.now();
      const since = (): number => (performance.now() - startedAt) / 1000;
      const { memoryMiB, cpus } = benchHardware;
      machine = await startMachine(workshop, { files, seedPath, memoryMiB, cpus });
      const { signal } = workshop.host;
      await waitForGreeting(machine.portOf(22), { deadlineMs: deadlinesMs.greeting, signal });
      await guest.waitUntilReachable(deadlinesMs.login);
      const sshSeconds = since();
      if (contender.job !== 'engine') return { sshSeconds };
      const engine = guest.run('until docker info >/dev/null 2>&1; do sleep 1; done');
      await within(deadlinesMs.engine, engine, `${contender.name}: docker info did not succeed`);
      return { sshSeconds, engineSeconds: since() };
    },
    facts: () => readFacts(guest, workshop.host.wait),
    switchOff: async () => {
      const { ended } = running();
      // The connection breaks when the machine obeys.
      await guest.try('poweroff').catch(() => undefined);
      await within(deadlinesMs.switchOff, ended, `${contender.name}: the machine did not switch itself off`);
      await cutPower();
    },
    dispose: async () => {
      await cutPower();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
