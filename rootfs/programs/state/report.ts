import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { CommandOutcome, Device } from '../device.ts';

/** `/run/keelson/state.json`. */
export interface StateFile {
  readonly format: 1;
  /** `memory`: a tmpfs stands in, and nothing outlives this boot. */
  readonly kind: 'disk' | 'memory';
  readonly device?: string;
  readonly sizeBytes?: number;
  /** Why it is memory. */
  readonly reason?: string;
  /** What was done, in order, such as `grew partition /dev/vda4`. */
  readonly actions: readonly string[];
  /** What did not go well but did not matter enough to stop. */
  readonly notes: readonly string[];
}

/** The state partition cannot be used, and the message says why. */
export class StateUnusable extends Error {
  override readonly name = 'StateUnusable';
}

/** Collects what is done while it is done. */
export class StateReport {
  readonly actions: string[] = [];
  readonly notes: string[] = [];
  readonly #device: Device;

  constructor(device: Device) {
    this.#device = device;
  }

  did(action: string): void {
    this.actions.push(action);
    this.#device.print(`state: ${action}`);
  }

  note(note: string): void {
    this.notes.push(note);
    this.#device.printError(`state: ${note}`);
  }

  write(found: Pick<StateFile, 'kind' | 'device' | 'sizeBytes' | 'reason'>): void {
    const file: StateFile = { format: 1, ...found, actions: this.actions, notes: this.notes };
    this.#device.makeFolder(machineLayout.runtime);
    this.#device.writeFile(machineLayout.stateFile, `${JSON.stringify(file, null, 2)}\n`);
  }
}

/** The last line of what a command said, for messages. */
export function lastWords(outcome: CommandOutcome): string {
  const lines = `${outcome.stdout}\n${outcome.stderr}`.split('\n').filter((line) => line.trim() !== '');
  return lines.at(-1)?.trim() ?? `exit code ${outcome.exitCode}`;
}
