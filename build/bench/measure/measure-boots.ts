import type { BenchMachine, BootTimes } from './bench-machine.ts';
import type { MachineFacts } from './machine-facts.ts';
import type { MachineTimes } from './measurement.ts';

/** A machine under its contender's name. */
export interface NamedMachine {
  readonly name: string;
  readonly machine: BenchMachine;
}

export type BootOutcome = MachineTimes | { readonly obstacle: string };

/**
 * Boots all machines in turns: the first boot of each, then `rounds` more of each, so that a computer that grows slow is slow to all of
 * them. In the last round the machines are looked at, too. One that fails takes no further part.
 */
export async function measureBoots(
  machines: readonly NamedMachine[],
  rounds: number,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, BootOutcome>> {
  const outcomes = new Map<string, BootOutcome>();
  const times = new Map<string, BootTimes[]>(machines.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const { name, machine } of machines) {
      if (outcomes.has(name)) continue;
      try {
        const booted = await machine.boot();
        times.get(name)?.push(booted);
        tell(`${name}: ${describeBoot(round, rounds, booted)}`);
        const facts = round === rounds ? await machine.facts() : undefined;
        await machine.switchOff();
        if (facts !== undefined) outcomes.set(name, outcomeOf(times.get(name) ?? [], facts));
      } catch (error) {
        signal.throwIfAborted();
        outcomes.set(name, { obstacle: (error as Error).message });
        tell(`${name}: ${(error as Error).message}`);
        await machine.dispose();
      }
    }
  }
  return outcomes;
}

function outcomeOf([first, ...later]: readonly BootTimes[], facts: MachineFacts): MachineTimes {
  if (first === undefined) throw new Error('a machine that never booted has no times');
  return { first, later, facts };
}

function describeBoot(round: number, rounds: number, { sshSeconds, engineSeconds }: BootTimes): string {
  const which = round === 0 ? 'first boot' : `boot ${round} of ${rounds}`;
  const engine = engineSeconds === undefined ? '' : `, docker info after ${engineSeconds.toFixed(1)} s`;
  return `${which}: SSH after ${sshSeconds.toFixed(1)} s${engine}`;
}
