import { addCleanup, addEvidenceSource } from './afterwards.ts';
import { type MachineOptions, makeMachine, type TestMachine } from './machine.ts';

export type { TestMachine };

/** A machine that is gone after the promise's last step, and whose logs are kept when a step fails. */
export async function makeTestMachine(options: MachineOptions): Promise<TestMachine> {
  const machine = await makeMachine(options);
  addEvidenceSource(machine.collectLogs);
  addCleanup(machine.dispose);
  return machine;
}
