import { copyFile, mkdir, open, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildHost } from '../../build/host/build-host.ts';
import { makeKeys } from '../../build/keys/make-keys.ts';
import { openKeys } from '../../build/keys/open-keys.ts';
import { noSecrets } from '../../build/keys/secrets.ts';
import type { Workshop } from '../../build/tools/workshop.ts';
import { makeUpdateBundle } from '../../build/update/make-update-bundle.ts';
import type { BundleSigner } from '../../build/update/update-bundle.ts';
import { copyWithFlips, resignBundle } from './forge-bundle.ts';
import { signWith } from './owner-keys.ts';
import { runKeelson } from './test-workshop.ts';

const day = 24 * 60 * 60 * 1000;
/** The leaf lives for a year. */
const agedMs = 400 * day;
const hugeBytes = 1024 ** 3;

/** Keys whose first leaf has expired, whose second one is revoked, and whose third one signs. */
export async function makeAgedKeys(workshop: Workshop, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const then = { ...workshop, host: longAgo(workshop.host) };
  await makeKeys(then, { name: 'aged', folder, askSecret: noSecrets, isDevelopment: true, isForced: true });
  await runKeelson(['keys', 'rotate', 'update', '--keys', folder]);
  await runKeelson(['keys', 'revoke', 'update', '--keys', folder]);
}

/** From one good bundle all that a machine must refuse. */
export async function makeBadBundles(
  workshop: Workshop,
  keysFolder: string,
  good: string,
  folder: string,
): Promise<void> {
  const place = (name: string) => join(folder, name);
  const keys = await openKeys(workshop, { folder: keysFolder });
  const then = await openKeys({ ...workshop, host: longAgo(workshop.host) }, { folder: keysFolder });
  const foreignFolder = `${keysFolder}-foreign`;
  await rm(foreignFolder, { recursive: true, force: true });
  const foreign = await makeKeys(workshop, {
    name: 'foreign',
    folder: foreignFolder,
    askSecret: noSecrets,
    isDevelopment: true,
    isForced: true,
  });
  const sign = signWith(keys, 'current');
  await resignBundle(workshop, good, place('foreign'), signWith(foreign, 'current'));
  await resignBundle(workshop, good, place('expired'), signWith(then, 'retired'));
  await resignBundle(workshop, good, place('revoked'), signWith(keys, 'revoked'));
  await resignBundle(workshop, good, place('other-machine'), sign, { compatible: 'web-x86-64' });
  await resignBundle(workshop, good, place('older'), sign, { version: '2026.10.9' });
  await makeHugeBundle(workshop, folder, sign);
  await copyFile(good, place('short'));
  await truncate(place('short'), 20_000_000);
  // squashfs's own first block.
  await copyWithFlips(good, place('changed-head'), [40]);
  // Blocks that the running slot has too are never read: one in each that is fetched at once.
  const middle = Array.from({ length: 900 }, (_, index) => 2_000_000 + index * 32 * 1024);
  await copyWithFlips(good, place('changed-middle'), middle);
}

async function makeHugeBundle(workshop: Workshop, folder: string, sign: BundleSigner): Promise<void> {
  const path = join(folder, 'huge.img');
  await mkdir(folder, { recursive: true });
  const file = await open(path, 'w');
  await file.truncate(hugeBytes);
  await file.close();
  const outputFolder = join(folder, 'huge-made');
  const { path: made } = await makeUpdateBundle(
    workshop,
    { name: 'minimal', version: '2026.11.1', architecture: 'x86-64' },
    { path, sizeBytes: hugeBytes, sha256: zerosSha256 },
    { channel: 'stable', outputFolder, sign },
  );
  await copyFile(made, join(folder, 'huge'));
  await rm(path);
  await rm(outputFolder, { recursive: true });
}

/** Of `hugeBytes` zeros. */
const zerosSha256 = '49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14';

function longAgo(host: BuildHost): BuildHost {
  return { ...host, now: () => host.now() - agedMs };
}
