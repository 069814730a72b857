import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeSeed } from '../../build/qemu/make-seed.ts';
import type { Workshop } from '../../build/tools/workshop.ts';
import { openDiskFile, partOf } from '../support/disk/disk-bytes.ts';
import { type DiskMap, mapDisk } from '../support/disk/disk-map.ts';
import { type Known, knowBootFiles, knowVersion } from '../support/disk/judge-disk.ts';
import { serveFolder } from '../support/serve-folder.ts';
import { artefactOf, buildRecipe, keelson, testKeysEnvironment } from '../support/test-workshop.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Kept, writeKept } from './checks.ts';
import { type Beginning, loginKey, makeTorturedMachine, type TorturedMachine } from './power.ts';
import { WriteWatch } from './watch-writes.ts';
import { type World, worlds } from './worlds.ts';

/** A stretch of a machine's life: where it began, what was written until it was over, and for how long it ran. */
export interface Recorded {
  readonly beginning: Beginning;
  readonly writeLogPath: string;
  /** Of the disk at the end. */
  readonly map: DiskMap;
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
  readonly world: World;
  readonly workshop: Workshop;
  readonly folder: string;
  readonly seedPath: string;
  /** As far as this world goes. */
  readonly lives: ReadonlyMap<Life, Recorded>;
  readonly known: Known;
  readonly kept: Kept;
  readonly oldVersion: string;
  readonly newVersion: string;
}

export function lifeOf({ lives: known }: Prepared, life: Life): Recorded {
  const found = known.get(life);
  if (found === undefined) throw new Error(`nobody prepared a machine that is ${life}`);
  return found;
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

/** How a stretch of life ended. */
interface Ended {
  readonly machine: TorturedMachine;
  readonly diskPath: string;
}

type Live = (
  life: Life,
  beginning: Beginning,
  run: (machine: TorturedMachine) => Promise<void>,
) => Promise<Ended>;

/** Where the next stretch begins: with its memory, or with its disk alone. */
type Next = (end: Ended, isSaved: boolean) => Beginning;

/** Runs one machine from its first boot to a committed update, and keeps where each stretch of it began. */
export async function prepare(
  workshop: Workshop,
  folder: string,
  tell: (line: string) => void,
  world: World = worlds.plain,
): Promise<Prepared> {
  await rm(folder, { recursive: true, force: true });
  const published = join(folder, 'www');
  await mkdir(published, { recursive: true });
  tell(`${world.name}: building the old version, and the new one`);
  const build = await buildRecipe(world.recipe, join(folder, 'image'));
  await publishNewVersion(await world.newRecipe(join(folder, 'recipe')), folder, published);
  const { url } = await serveFolder(published);
  const settings = JSON.stringify({ url, intervalMinutes: 1 });
  const seedPath = await makeSeed(workshop, {
    folder: join(folder, 'seed'),
    userData: `#cloud-config\nssh_authorized_keys:\n  - ${loginKey.publicKey}\nwrite_files:\n  - path: /run/keelson/files/update.json\n    content: '${settings}'\n`,
    metaData: 'instance-id: torture\n',
  });
  const recordings = new Map<Life, Recorded>();
  const live: Live = async (life, beginning, run) => {
    const machine = await makeTorturedMachine(workshop, join(folder, life), seedPath, beginning);
    const startedAt = Date.now();
    await machine.powerOn();
    await run(machine);
    const durationMs = Date.now() - startedAt;
    await machine.cutPower();
    const diskPath = join(folder, life, 'end.raw');
    await machine.copyDisk(diskPath);
    using end = openDiskFile(diskPath);
    const map = mapDisk(end);
    const { writeLogPath } = machine;
    using watch = new WriteWatch(writeLogPath, map);
    watch.look();
    const recorded = { beginning, writeLogPath, map, counts: watch.counts(), durationMs };
    recordings.set(life, recorded);
    tell(`${world.name} ${life}: ${(durationMs / 1000).toFixed(0)} s, ${describeCounts(recorded.counts)}`);
    return { machine, diskPath };
  };
  const next: Next = (end, isSaved) => ({
    diskPath: end.diskPath,
    variablesPath: end.machine.files.variablesPath,
    ...(isSaved ? { savedStatePath: savedStateOf(end.machine) } : {}),
  });

  const freshDisk = artefactOf(build, 'disk', 'raw').path;
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
  if (world.isWhole) await liveOn(live, next, ready);
  using disk = openDiskFile(ready.diskPath);
  const { partitions } = mapDisk(disk);
  const part = (label: string) => {
    const found = partitions.find(({ name }) => name === label);
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
    world,
    workshop,
    folder,
    seedPath,
    lives: recordings,
    known,
    kept: { ...kept, rootHashes },
    oldVersion,
    newVersion,
  };
}

/** From the restart into the new version on. */
async function liveOn(live: Live, next: Next, ready: Ended): Promise<void> {
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
  await live('kept', next(trial, true), async ({ guest }) => {
    await guest.waitUntilReachable();
    const { slot } = JSON.parse(await guest.run('cat /run/keelson/boot.json')) as { slot: string };
    await guest.run(`qjs --std -m /usr/lib/keelson/programs/boot-backend.js set-state ${slot} bad`);
  });
}

async function publishNewVersion(recipe: string, folder: string, published: string): Promise<void> {
  const environment = { ...testKeysEnvironment, XDG_STATE_HOME: join(folder, 'publisher') };
  const run = async (...words: string[]): Promise<string> => {
    const done = await keelson([...words, '--json'], { environment });
    if (done.exitCode !== 0) throw new Error(done.stderr || done.stdout);
    return done.stdout.trim().split('\n').at(-1) ?? '';
  };
  const made = await run('bundle', recipe, '--version', newVersion, '--out', join(folder, 'bundle'));
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
