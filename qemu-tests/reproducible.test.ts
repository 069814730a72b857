import { execFile } from 'node:child_process';
import { copyFile, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from '@jest/globals';
import { addCleanup } from './support/afterwards.ts';
import { compareBuilds, compareDisks } from './support/compare-builds.ts';
import { partitionOf } from './support/partitions.ts';
import { makeSecondCheckout, type SecondCheckout } from './support/second-checkout.ts';
import { promise, remark, step } from './support/step.ts';
import {
  artefactOf,
  type BuildReport,
  buildRecipe,
  openTestWorkshop,
  testKeysEnvironment,
  testOutputFolder,
} from './support/test-workshop.ts';

const outputFolder = join(testOutputFolder, 'reproducible');

promise('the same recipe, lockfile and keys give the same bytes', () => {
  let first: BuildReport;
  let second: BuildReport;
  let checkout: SecondCheckout;

  step('minimal is built here', async () => {
    await mkdir(outputFolder, { recursive: true });
    addCleanup(() => rm(outputFolder, { recursive: true, force: true }));
    first = await buildRecipe('minimal', join(outputFolder, 'first'));
  });

  step('a second build here does nothing', async () => {
    const again = await buildRecipe('minimal', join(outputFolder, 'first'));
    expect(again.ranSteps).toBe(0);
    expect(again.artefacts).toEqual(first.artefacts);
  });

  step(
    'minimal is built from another folder, at another time, with another zone, umask, language and store',
    async () => {
      const { store } = await openTestWorkshop();
      checkout = await makeSecondCheckout(store.root);
      addCleanup(checkout.remove);
      const { stdout } = await promisify(execFile)(
        '/bin/sh',
        ['-c', 'umask 077; exec ./keelson build minimal --json --out ../out'],
        {
          cwd: checkout.folder,
          env: {
            PATH: process.env.PATH,
            HOME: checkout.cacheFolder,
            XDG_CACHE_HOME: checkout.cacheFolder,
            // The root holds what it trusts.
            ...testKeysEnvironment,
            TZ: 'Pacific/Chatham',
            LC_ALL: 'tr_TR.UTF-8',
          },
          maxBuffer: 64 * 1024 * 1024,
        },
      );
      second = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
      remark(`${second.ranSteps} steps ran, ${second.cachedSteps} came from the store`);
      expect(second.cachedSteps).toBeLessThan(second.ranSteps);
    },
  );

  step('both have the same bytes', async () => {
    const workshop = await openTestWorkshop();
    expect(await compareBuilds(workshop, first, second, join(outputFolder, 'compare'))).toBeUndefined();
    expect(second.rootHash).toBe(first.rootHash);
  });

  step('had a byte been different, its place would have been named', async () => {
    const original = artefactOf(first, 'disk', 'raw').path;
    const changed = join(outputFolder, 'changed.raw');
    await copyFile(original, changed);
    expect(await compareDisks(original, changed)).toBeUndefined();
    const { offsetBytes } = await partitionOf(original, 'root-b');
    const file = await open(changed, 'r+');
    await file.write(Buffer.of(1), 0, 1, offsetBytes + 4097);
    await file.close();
    expect(await compareDisks(original, changed)).toBe('partition root-b differs from byte 4097 on');
  });
});
