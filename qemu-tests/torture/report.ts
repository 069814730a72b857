import type { BootedState } from './boot-states.ts';
import type { CutOutcome } from './cut-machine.ts';
import type { StatesRead } from './read-states.ts';
import { stages } from './stages.ts';

/** A machine as one line, and more of it when it did not return. */
export function describeOutcome(outcome: CutOutcome): string {
  const { planned, returned, seconds, fault, keptIn, hit, cuts } = outcome;
  const number = cuts > 1 ? `${planned.number}-${planned.number + cuts - 1}` : `${planned.number}`;
  const head = `${number.padStart(7)}  ${planned.stage.name.padEnd(12)}`;
  const where = hit.join(' | ');
  if (fault !== undefined)
    return `${head}LOST after ${seconds} s: ${fault}\n         ${where}\n         kept in ${keptIn}`;
  const refused = (returned?.refused ?? [])
    .map(({ partition, reason }) => `, ${partition} refused: ${reason}`)
    .join('');
  return `${head}back on ${returned?.version} in slot ${returned?.slot}${refused}, ${seconds} s | ${where}`;
}

/** What the independent reader found in all crash states of one stretch. */
export function describeStates({
  prepared,
  life,
  states,
  windows,
  boots,
  notes,
  faults,
  faultCount,
}: StatesRead): readonly string[] {
  const list = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ');
  const told = Object.keys(notes).length === 0 ? '' : `; told: ${list(notes)}`;
  return [
    `states of ${prepared.world.name} ${life}: ${states} after ${windows} flushes read, ${faultCount} with faults; they boot: ${list(boots)}${told}`,
    ...faults.map((fault) => `  FAULT ${fault}`),
  ];
}

/** A machine that started from a crash state, as one line. */
export function describeBooted({
  prepared,
  life,
  index,
  landed,
  seconds,
  version,
  fault,
  keptIn,
}: BootedState): string {
  const head = `  state  ${`${prepared.world.name} ${life}`.padEnd(16)}`;
  if (fault !== undefined)
    return `${head}LOST after ${seconds} s: ${fault}\n         number ${index}, ${landed}\n         kept in ${keptIn}`;
  return `${head}back on ${version}, ${seconds} s | number ${index}, ${landed}`;
}

/** The table at the end. */
export function summarise(
  read: readonly StatesRead[],
  booted: readonly BootedState[],
  outcomes: readonly CutOutcome[],
  durationMs: number,
): readonly string[] {
  const rows = stages.flatMap(({ name, title }) => {
    const of = outcomes.filter(({ planned }) => planned.stage.name === name);
    if (of.length === 0) return [];
    const cuts = countCuts(of);
    const survived = countCuts(of.filter(({ fault }) => fault === undefined));
    const seconds = of.map((each) => each.seconds).sort((one, other) => one - other);
    const median = seconds[Math.floor(seconds.length / 2)] ?? 0;
    return [
      `${name.padEnd(12)}${`${survived} of ${cuts}`.padStart(12)}   ${`${median} s`.padStart(6)}, longest ${seconds.at(-1)} s   ${title}`,
    ];
  });
  const all = countCuts(outcomes);
  const survived = countCuts(outcomes.filter(({ fault }) => fault === undefined));
  const minutes = (durationMs / 60_000).toFixed(1);
  const states = read.reduce((sum, each) => sum + each.states, 0);
  const sound = states - read.reduce((sum, { faultCount }) => sum + faultCount, 0);
  const back = booted.filter(({ fault }) => fault === undefined).length;
  return [
    '',
    ...rows,
    '',
    `${sound} of ${states} crash states boot by the independent reader; ${back} of ${booted.length} came back in QEMU`,
    `${survived} of ${all} power cuts survived, on ${outcomes.length} machines, in ${minutes} min`,
  ];
}

function countCuts(outcomes: readonly CutOutcome[]): number {
  return outcomes.reduce((sum, { cuts }) => sum + cuts, 0);
}
