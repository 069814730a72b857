import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeSeed } from '../../build/qemu/make-seed.ts';
import type { Workshop } from '../../build/tools/workshop.ts';
import { openDiskFile, partOf } from '../support/disk/disk-bytes.ts';
import { type DiskMap, mapDisk } from '../support/disk/disk-map.ts';
import { type Known, knowBootFiles, knowVersion } from '../support/disk/judge-disk.ts';
import { serveFolder } from '../support/serve-folder.ts';
import {
  artefactOf,
  buildRecipe,
  keelson,
  testKeysEnvironment,
  testOutputFolder,
} from '../support/test-workshop.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Kept, writeKept } from './checks.ts';
import { copySparse } from './copy-sparse.ts';
import { type Beginning, loginKey, makeTorturedMachine, type TorturedMachine } from './power.ts';
import { WriteWatch } from './watch-writes.ts';

/** A stretch of a machine's life: where it began, what was written until it was over, and for how long it ran. */
export interface Recorded {
  readonly beginning: Beginning;
  readonly writeLogPath: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly durationMs: number;
}

/**
 * `fresh`: the first boot of an image. `ready`: the old version runs; a look at its channel begins the update, up to the
 * restart. `staged`: the first start of the new version, up to the health gate. `trial`: the gate, up to the commit. `kept`: the
 * new version is demoted, and nothing else happens.
 */
export const lives = ['fresh', 'ready', 'staged', 'trial', 'kept'] as const;
export type Life = (typeof lives)[number];

export interface Prepared {
  readonly workshop: Workshop;
  readonly folder: string;
  readonly seedPath: string;
  readonly lives: Readonly<Record<Life, Recorded>>;
  /** Of all these machines' disks, once the state partition has grown. */
  readonly map: DiskMap;
  readonly known: Known;
  readonly kept: Kept;
  readonly oldVersion: string;
  readonly newVersion: string;
}

/** The machine follows its channel from then on. */
export const resumeUpdates = 'keelctl update resume';
/** It looks at once, rather than in a minute. */
export const beginUpdate = 'keelctl update install';
/** The same from a file on the machine. */
export const bundleFile = '/root/new.raucb';
export const beginUpdateFromFile = `keelctl update install ${bundleFile}`;

/** Ends at once, and goes on without the login that started it. */
export const inBackground = (command: string): string => `(${command} >/dev/null 2>&1 </dev/null &)`;

const [oldVersion, newVersion] = ['2026.11.0', '2026.11.1'];
const diskSizeBytes = 1024 ** 3;

/** Runs one machine from its first boot to a committed update, and keeps where each stretch of it began. */
export async function prepare(
  workshop: Workshop,
  folder: string,
  tell: (line: string) => void,
): Promise<Prepared> {
  await rm(folder, { recursive: true, force: true });
  const published = join(folder, 'www');
  await mkdir(published, { recursive: true });
  tell('building the old version, and the new one');
  const build = await buildRecipe('minimal', join(testOutputFolder, 'images', 'minimal'));
  await publishNewVersion(folder, published);
  const { url } = await serveFolder(published);
  const settings = JSON.stringify({ url, intervalMinutes: 1 });
  const seedPath = await makeSeed(workshop, {
    folder: join(folder, 'seed'),
    userData: `#cloud-config\nssh_authorized_keys:\n  - ${loginKey.publicKey}\nwrite_files:\n  - path: /run/keelson/files/update.json\n    content: '${settings}'\n`,
    metaData: 'instance-id: torture\n',
  });
  const live = async (
    life: Life,
    beginning: Beginning,
    run: (machine: TorturedMachine) => Promise<void>,
  ): Promise<{
    readonly recorded: Recorded;
    readonly machine: TorturedMachine;
    readonly diskPath: string;
  }> => {
    const machine = await makeTorturedMachine(workshop, join(folder, life), seedPath, beginning);
    const startedAt = Date.now();
    await machine.powerOn();
    await run(machine);
    const durationMs = Date.now() - startedAt;
    await machine.cutPower();
    const diskPath = join(folder, life, 'end.raw');
    await machine.copyDisk(diskPath);
    using end = openDiskFile(diskPath);
    using watch = new WriteWatch(machine.writeLogPath, mapDisk(end));
    watch.look();
    const recorded = { beginning, writeLogPath: machine.writeLogPath, counts: watch.counts(), durationMs };
    tell(`${life}: ${(durationMs / 1000).toFixed(0)} s, ${describeCounts(recorded.counts)}`);
    return { recorded, machine, diskPath };
  };
  const next = (end: { machine: TorturedMachine; diskPath: string }, isSaved: boolean): Beginning => ({
    diskPath: end.diskPath,
    variablesPath: end.machine.files.variablesPath,
    ...(isSaved ? { savedStatePath: savedStateOf(end.machine) } : {}),
  });

  // A later build writes over its artefacts, and disks of many machines will lie over this one.
  const freshDisk = join(folder, 'fresh.raw');
  await copySparse(artefactOf(build, 'disk', 'raw').path, freshDisk);
  let kept: Kept | undefined;
  const fresh = await live('fresh', { diskPath: freshDisk, diskSizeBytes }, async (machine) => {
    const { guest } = machine;
    await guest.waitUntilReachable();
    await guest.run('keelctl update pause');
    await guest.run(`wget -q ${url}/new.raucb -O ${bundleFile}`);
    kept = await writeKept(guest, { [oldVersion]: build.rootHash });
    await waitForFile(machine, '/run/keelson/gate-is-done');
    await guest.run('sync');
    guest.disconnect();
    await machine.running()?.saveState(savedStateOf(machine));
  });
  const ready = await live('ready', next(fresh, true), async (machine) => {
    await machine.guest.waitUntilReachable();
    await machine.running()?.endAtRestart();
    await machine.guest.run(resumeUpdates);
    await machine.guest.run(inBackground(beginUpdate));
    machine.guest.disconnect();
    await waitUntilOff(machine);
  });
  const staged = await live('staged', next(ready, false), async (machine) => {
    await waitForSerial(machine, /is on trial/);
    await machine.guest.waitUntilReachable();
    machine.guest.disconnect();
    await machine.running()?.saveState(savedStateOf(machine));
  });
  const trial = await live('trial', next(staged, true), async (machine) => {
    await waitForSerial(machine, /is well and is kept/);
    await waitForFile(machine, '/run/keelson/gate-is-done');
    await machine.guest.run('sync');
    machine.guest.disconnect();
    await machine.running()?.saveState(savedStateOf(machine));
  });
  const demoted = await live('kept', next(trial, true), async ({ guest }) => {
    await guest.waitUntilReachable();
    const { slot } = JSON.parse(await guest.run('cat /run/keelson/boot.json')) as { slot: string };
    await guest.run(`qjs --std -m /usr/lib/keelson/programs/boot-backend.js set-state ${slot} bad`);
  });
  using disk = openDiskFile(trial.diskPath);
  const map = mapDisk(disk);
  const part = (label: string) => {
    const found = map.partitions.find(({ name }) => name === label);
    if (found === undefined) throw new Error(`the disk has no partition ${label}`);
    return partOf(disk, found.offsetBytes, found.sizeBytes);
  };
  if (kept === undefined) throw new Error('nothing was kept');
  const known: Known = {
    versions: [knowVersion(part('root-a')), knowVersion(part('root-b'))],
    bootFiles: knowBootFiles(part('esp')),
  };
  const rootHashes = Object.fromEntries(known.versions.map(({ version, rootHash }) => [version, rootHash]));
  return {
    workshop,
    folder,
    seedPath,
    lives: {
      fresh: fresh.recorded,
      ready: ready.recorded,
      staged: staged.recorded,
      trial: trial.recorded,
      kept: demoted.recorded,
    },
    map,
    known,
    kept: { ...kept, rootHashes },
    oldVersion,
    newVersion,
  };
}

async function publishNewVersion(folder: string, published: string): Promise<void> {
  const environment = { ...testKeysEnvironment, XDG_STATE_HOME: join(folder, 'publisher') };
  const run = async (...words: string[]): Promise<string> => {
    const done = await keelson([...words, '--json'], { environment });
    if (done.exitCode !== 0) throw new Error(done.stderr || done.stdout);
    return done.stdout.trim().split('\n').at(-1) ?? '';
  };
  const made = await run('bundle', 'minimal', '--version', newVersion, '--out', join(folder, 'bundle'));
  const { path } = JSON.parse(made) as { path: string };
  await run('publish', path, '--to', published, '--channel', 'stable');
  await copyFile(path, join(published, 'new.raucb'));
}

function savedStateOf(machine: TorturedMachine): string {
  return join(machine.folder, 'saved-state');
}

function waitForFile({ guest }: TorturedMachine, path: string): Promise<unknown> {
  return waitFor(async () => (await guest.try(`test -e ${path}`)).exitCode === 0, {
    what: `${path} on the machine`,
    deadlineMs: 120_000,
  });
}

function waitForSerial(machine: TorturedMachine, pattern: RegExp): Promise<unknown> {
  return waitFor(async () => pattern.test(await machine.serialLog()), {
    what: `"${pattern.source}" on the serial line`,
    deadlineMs: 180_000,
  });
}

async function waitUntilOff(machine: TorturedMachine): Promise<void> {
  let isOff = false;
  void machine.running()?.ended.then(() => {
    isOff = true;
  });
  await waitFor(async () => isOff, { what: 'the machine to restart', deadlineMs: 240_000 });
}

export function describeCounts(counts: Readonly<Record<string, number>>): string {
  const words = Object.entries(counts).map(([place, count]) => `${place} ${count}`);
  return words.length === 0 ? 'no writes' : `writes: ${words.join(', ')}`;
}
