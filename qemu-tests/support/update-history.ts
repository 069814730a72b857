import type { UpdateRecord } from '../../rootfs/programs/shared/update/update-record.ts';
import type { TestMachine } from './test-machine.ts';
import { InVain, waitFor } from './wait-for.ts';

export async function readHistory(machine: TestMachine): Promise<readonly UpdateRecord[]> {
  return JSON.parse(await machine.guest.run('keelctl update history --json')) as UpdateRecord[];
}

/** Until the newest record is of that version and event; the machine may restart meanwhile. */
export function waitForRecord(
  machine: TestMachine,
  wanted: Pick<UpdateRecord, 'event' | 'version'>,
  deadlineMs = 230_000,
): Promise<UpdateRecord> {
  return waitFor(
    async () => {
      const last = (await readHistory(machine)).at(-1);
      if (last?.event === wanted.event && last.version === wanted.version) return last;
      // A connection to a machine that is gone looks alive for long.
      machine.guest.disconnect();
      const isUnderWay = last?.event === 'staged' || last?.event === 'relocated';
      const isOver = last?.version === wanted.version && !isUnderWay;
      throw new (isOver ? InVain : Error)(`the newest record is ${JSON.stringify(last)}`);
    },
    { what: `version ${wanted.version} to be ${wanted.event}`, deadlineMs },
  );
}
