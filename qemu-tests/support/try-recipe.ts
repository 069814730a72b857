import { rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Architecture } from '../../build/recipe/recipe.ts';
import type { Workshop } from '../../build/tools/workshop.ts';
import { type FileServer, openFileServer } from './file-server.ts';
import { makeMachineOf, type TestMachine } from './machine.ts';
import type { BuildReport } from './test-workshop.ts';
import { waitForRecord } from './update-history.ts';
import { waitFor } from './wait-for.ts';

/** A recipe whose machines are to be tried. */
export interface RecipeTrial {
  readonly workshop: Workshop;
  readonly architecture: Architecture;
  readonly version: string;
  readonly build: BuildReport;
  /** For the machine and its logs; made anew. */
  readonly folder: string;
  readonly memoryMiB: number;
  readonly isKept: boolean;
  /** Left out for machines that take no updates. */
  readonly releases?: TrialReleases;
}

export interface TrialReleases {
  /** The same again with a higher version, and its bundle. */
  readonly next: string;
  makeNext(): Promise<string>;
  /** One above it whose health check fails; `deadlineSeconds` is how long its health gate waits. */
  readonly broken: string;
  makeBroken(deadlineSeconds: number): Promise<string>;
}

/** One numbered sentence. */
export interface TrialStep {
  readonly sentence: string;
  run(): Promise<void>;
}

export interface Trial {
  readonly steps: readonly TrialStep[];
  /** Has the machine's logs written, and names them. */
  collectLogs(): Promise<readonly string[]>;
  dispose(): Promise<void>;
}

/** What the broken release says of itself. */
export const brokenReason = 'this version is broken on purpose';
export const brokenCheck = '99-keelson-test';

/** Three boots, each until the health gate gives up. */
const verdictDeadlineMs = 600_000;

const mark = '/root/keelson-test';

/** Boot, restart, power cut, update, a release that is not well, and the way back: on one machine, in this order. */
export function tryRecipe(trial: RecipeTrial): Trial {
  const { releases } = trial;
  let machine: TestMachine;
  let server: FileServer | undefined;
  let started: (() => Promise<void>) | undefined;
  let secondsToHealth = 0;

  const isAsBefore = async (version: string): Promise<void> => {
    await waitUntilWell(machine);
    const found = JSON.parse(await machine.guest.run('cat /run/keelson/boot.json')).version;
    if (found !== version) throw new Error(`version ${found} runs, and not ${version}`);
    if ((await machine.guest.run(`cat ${mark}`)) !== 'kept') {
      throw new Error('what was written to state is gone');
    }
  };
  const serve = async (path: string): Promise<string> => {
    const folder = join(trial.folder, 'www');
    server ??= await openFileServer(folder);
    await rename(path, join(folder, basename(path)));
    return `${server.url}/${basename(path)}`;
  };

  const steps: TrialStep[] = [
    {
      sentence: `version ${trial.version} starts, and lets a person in over SSH`,
      run: async () => {
        machine = await makeMachineOf(trial.workshop, trial.build, join(trial.folder, 'machine'), {
          test: 'keelson-test',
          architecture: trial.architecture,
          memoryMiB: trial.memoryMiB,
          isKept: trial.isKept,
        });
        started = machine.dispose;
        await machine.boot();
      },
    },
    {
      sentence: 'its services run and are healthy',
      run: async () => {
        await waitUntilWell(machine);
        secondsToHealth = Number((await machine.guest.run('cut -d. -f1 /proc/uptime')) || 0);
        await machine.guest.run(`echo kept >${mark} && sync`);
      },
    },
    {
      sentence: 'it restarts, and nothing is lost',
      run: async () => {
        const bootId = await machine.guest.bootId();
        await machine.guest.try('keelctl reboot');
        await machine.guest.waitForOtherBoot(bootId, 180_000);
        await isAsBefore(trial.version);
      },
    },
    {
      sentence: 'it starts after a power cut, and nothing is lost',
      run: async () => {
        await machine.cutPower();
        await machine.boot();
        await isAsBefore(trial.version);
      },
    },
  ];
  if (releases !== undefined) {
    const { next, broken } = releases;
    steps.push(
      {
        sentence: `it installs version ${next} over HTTP`,
        run: async () => {
          await machine.guest.run(`keelctl update install ${await serve(await releases.makeNext())}`);
        },
      },
      {
        sentence: `it starts version ${next}, finds it healthy, and keeps it`,
        run: async () => {
          await waitForRecord(machine, { event: 'committed', version: next }, verdictDeadlineMs);
          await isAsBefore(next);
        },
      },
      {
        sentence: `it installs version ${broken}, in which a health check fails`,
        run: async () => {
          const deadline = Math.max(30, Math.ceil((secondsToHealth * 1.5) / 30) * 30);
          await machine.guest.run(
            `keelctl update install ${await serve(await releases.makeBroken(deadline))}`,
          );
        },
      },
      {
        sentence: `it is back on version ${next} by itself, and says why`,
        run: async () => {
          const { reasons } = await waitForRecord(
            machine,
            { event: 'rolled-back', version: broken },
            verdictDeadlineMs,
          );
          const wanted = `check ${brokenCheck}: ${brokenReason}`;
          if (!reasons.includes(wanted)) {
            throw new Error(`the reason is "${reasons.join('; ')}", and not "${wanted}"`);
          }
          await isAsBefore(next);
        },
      },
    );
  }
  return {
    steps,
    collectLogs: async () => (started === undefined ? [] : machine.collectLogs()),
    dispose: async () => {
      await started?.();
      await server?.close();
    },
  };
}

async function waitUntilWell({ guest }: TestMachine): Promise<void> {
  await waitFor(
    async () => {
      const { exitCode, stdout } = await guest.try('keelctl status');
      if (exitCode !== 0) throw new Error(stdout.trim());
      const waiting = (await guest.services()).filter(
        ({ state }) => !['running', 'done', 'standby'].includes(state),
      );
      if (waiting.length === 0) return true;
      throw new Error(waiting.map(({ name, state }) => `${name} is ${state}`).join(', '));
    },
    { what: 'all services to run and be healthy', deadlineMs: 120_000 },
  );
}
