import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { addCleanup } from './support/afterwards.ts';
import { randomFrom } from './support/disk/random.ts';
import { promise, remark, step } from './support/step.ts';
import { isKept, openTestWorkshop, testOutputFolder } from './support/test-workshop.ts';
import { bootState, pickStates } from './torture/boot-states.ts';
import { cutMachine } from './torture/cut-machine.ts';
import { lives, type Prepared, prepare } from './torture/prepare.ts';
import { readStates, type StatesRead } from './torture/read-states.ts';
import { describeBooted, describeOutcome, describeStates } from './torture/report.ts';
import { type PlannedCut, planCuts } from './torture/stages.ts';

/** What `npm run torture` does at length: here a sample that is always the same. */
promise('the power may go at any moment of an update', () => {
  const folder = join(testOutputFolder, 'power-cuts');
  const stop = new AbortController();
  const options = { seed: 20, mostPerWindow: 64 };
  const planCut = (stage: string): PlannedCut =>
    planCuts(1, randomFrom(options.seed), [stage])[0] as PlannedCut;
  let prepared: Prepared;
  let read: readonly StatesRead[];

  step(
    'a machine goes from its first boot to an update that it keeps, and every write is put down',
    async () => {
      prepared = await prepare(await openTestWorkshop(stop.signal), folder, remark);
      addCleanup(async () => {
        stop.abort();
        if (!isKept) await rm(folder, { recursive: true, force: true });
      });
    },
  );

  step('every state in which a power cut may have left the disk boots, by a reader of its own', async () => {
    read = lives.map((life) => readStates(prepared, life, options));
    for (const each of read) describeStates(each).map(remark);
    expect(read.flatMap(({ faults }) => faults)).toEqual([]);
    // The new version's name is there in some of them, and the old one's in others.
    expect(Object.keys(read.find(({ life }) => life === 'ready')?.boots ?? {})).toHaveLength(2);
  });

  step(
    'the power goes while names change, and while the new version is kept: both end on the new version',
    async () => {
      // Late among the writes to names: the new kernel is there, and gets the name by which it is started.
      const planned = [{ ...planCut('rename'), share: 0.93 }, planCut('commit')];
      const outcomes = await Promise.all(planned.map((each) => cutMachine(prepared, each)));
      outcomes.map(describeOutcome).map(remark);
      expect(outcomes.flatMap(({ fault }) => fault ?? [])).toEqual([]);
    },
  );

  step(
    'it goes while the new version boots, and while a fresh image makes its partitions: both come back',
    async () => {
      const planned = [planCut('trial'), planCut('table')];
      const outcomes = await Promise.all(planned.map((each) => cutMachine(prepared, each)));
      outcomes.map(describeOutcome).map(remark);
      expect(outcomes.flatMap(({ fault }) => fault ?? [])).toEqual([]);
    },
  );

  step('two of the states that were read are booted, and come back', async () => {
    const [, , firmware, bless] = pickStates(read, 4, options.seed);
    const picked = [firmware, bless].filter((each) => each !== undefined);
    const booted = await Promise.all(picked.map((each) => bootState(each, options)));
    booted.map(describeBooted).map(remark);
    expect(booted.flatMap(({ fault }) => fault ?? [])).toEqual([]);
  });
});
