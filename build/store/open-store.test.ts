import { spawnSync } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { BuildEvent } from '../events/build-event.ts';
import { createBuildHost } from '../host/node-host.ts';
import { collectStore, listStore } from './manage-store.ts';
import { defaultStoreRoot, openStore, stepId, temporaryPath } from './open-store.ts';

const host = createBuildHost();
const dayMs = 24 * 60 * 60 * 1000;
const spec = (inputs: unknown) => ({ title: 'test step', moduleUrl: import.meta.url, inputs });
const freshRoot = () => mkdtemp(join(tmpdir(), 'store-'));
const names = (...parts: string[]) => readdir(join(...parts));

/** A mark of a process of this computer that has ended. */
async function deadMark(root: string): Promise<string> {
  const mark = (await names(root, 'sessions'))[0] ?? '';
  return mark.replace(/^(\d+)-\d+/, '$1-1');
}

describe('steps', () => {
  test('the second time costs no work, whatever the order of the inputs', async () => {
    const events: BuildEvent[] = [];
    const store = await openStore({ root: await freshRoot(), host, emit: (event) => events.push(event) });
    const first = await store.step(spec({ a: 1, b: 2 }), (folder) => writeFile(join(folder, 'x'), 'made'));
    const second = await store.step(spec({ b: 2, a: 1 }), async () => {
      throw new Error('made twice');
    });
    expect(second).toEqual({ ...first, isCached: true });
    expect(await readFile(join(second.folder, 'x'), 'utf8')).toBe('made');
    const finished = events.filter((event) => event.type === 'step-finished');
    expect(finished.map(({ isCached }) => isCached)).toEqual([false, true]);
    expect(await names(store.root, 'tmp')).toEqual([]);
    expect(await names(store.root, 'locks')).toEqual([]);
  });

  test('title and inputs are the identity', async () => {
    expect(await stepId(spec(1))).not.toBe(await stepId(spec(2)));
    expect(await stepId(spec(1))).not.toBe(await stepId({ ...spec(1), title: 'other' }));
  });

  test('what is made cannot be written any more', async () => {
    const store = await openStore({ root: await freshRoot(), host });
    const { folder } = await store.step(spec(1), async (aside) => {
      await mkdir(join(aside, 'deep'));
      await writeFile(join(aside, 'deep/program'), '', { mode: 0o755 });
    });
    const modes = await Promise.all(
      ['', 'deep', 'deep/program'].map(async (name) => (await lstat(join(folder, name))).mode & 0o777),
    );
    expect(modes).toEqual([0o555, 0o555, 0o555]);
  });

  test('work that fails leaves nothing, and is done again', async () => {
    const store = await openStore({ root: await freshRoot(), host });
    const failing = store.step(spec(1), async (folder) => {
      await writeFile(join(folder, 'half'), '');
      await chmod(folder, 0o500);
      throw new Error('broken tool');
    });
    await expect(failing).rejects.toThrow('broken tool');
    expect(await names(store.root, 'tmp')).toEqual([]);
    expect((await store.step(spec(1), async () => undefined)).isCached).toBe(false);
  });

  test('two builds at once do the work once', async () => {
    const root = await freshRoot();
    const stores = [await openStore({ root, host }), await openStore({ root, host })];
    let count = 0;
    const outputs = await Promise.all(
      stores.map((store) =>
        store.step(spec(1), async () => {
          count += 1;
          await host.wait(50);
        }),
      ),
    );
    expect(count).toBe(1);
    expect(outputs.map(({ isCached }) => isCached).sort()).toEqual([false, true]);
  });

  test('a build that comes second, lock or no lock, takes what the first made', async () => {
    const root = await freshRoot();
    const [first, second] = [await openStore({ root, host }), await openStore({ root, host })];
    const { folder } = await first.step(spec(1), async (aside) => {
      // As if from another pid namespace, where the lock is not seen.
      await writeFile(join(root, 'locks', await stepId(spec(1))), '1-1-0');
      await second.step(spec(1), (other) => writeFile(join(other, 'x'), 'second build'));
      await writeFile(join(aside, 'x'), 'first build');
    });
    expect(await readFile(join(folder, 'x'), 'utf8')).toBe('second build');
    expect(await names(root, 'tmp')).toEqual([]);
  });

  test('the lock of a killed build holds nobody up', async () => {
    const root = await freshRoot();
    const store = await openStore({ root, host });
    await writeFile(join(root, 'locks', await stepId(spec(1))), await deadMark(root));
    expect((await store.step(spec(1), async () => undefined)).isCached).toBe(false);
  });
});

describe('faults of the disk', () => {
  test('a full disk is told as such, by node:fs or by a tool, and leaves the store good', async () => {
    const root = await freshRoot();
    const store = await openStore({ root, host });
    const faults = [
      Object.assign(new Error('write'), { code: 'ENOSPC' }),
      new Error('mkfs: No space left on device'),
    ];
    for (const fault of faults) {
      const failing = store.step(spec(1), async () => {
        throw fault;
      });
      await expect(failing).rejects.toMatchObject({
        code: 'STORE_FULL',
        message: `Cannot finish "test step": the disk of the store ${root} is full`,
      });
    }
    expect(await names(root, 'steps')).toEqual([]);
    expect(await names(root, 'tmp')).toEqual([]);
  });

  const canMount = spawnSync('unshare', ['--mount', 'true']).status === 0 && process.getuid?.() === 0;
  (canMount ? test : test.skip)('a disk that really is full', async () => {
    const root = await freshRoot();
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', root]);
    try {
      const store = await openStore({ root, host });
      const filling = store.step(spec(1), (folder) => writeFile(join(folder, 'big'), Buffer.alloc(1e6)));
      await expect(filling).rejects.toMatchObject({ code: 'STORE_FULL' });
      const small = store.step(spec(1), (folder) => writeFile(join(folder, 'small'), 'fits'));
      expect((await small).isCached).toBe(false);
    } finally {
      spawnSync('umount', ['--lazy', root]);
    }
  });

  test('a store that cannot be made is told as such', async () => {
    const file = join(await freshRoot(), 'file');
    await writeFile(file, '');
    await expect(openStore({ root: join(file, 'store'), host })).rejects.toMatchObject({
      code: 'STORE_UNWRITABLE',
      message: `Cannot open the store: the store ${join(file, 'store')} is not writable`,
    });
  });
});

describe('where the store lies', () => {
  test.each([
    [{ XDG_CACHE_HOME: '/cache', HOME: '/root' }, '/cache/keelson'],
    [{ XDG_CACHE_HOME: 'relative', HOME: '/root' }, '/root/.cache/keelson'],
    [{ HOME: '/root' }, '/root/.cache/keelson'],
  ])('%j', (environment: Record<string, string>, root) => {
    expect(defaultStoreRoot({ environmentVariable: (name) => environment[name] })).toBe(root);
  });
});

describe('collecting', () => {
  const makeUsed = async (path: string, agoMs: number) => {
    const seconds = (host.now() - agoMs) / 1000;
    await utimes(path, seconds, seconds);
  };

  test('removes what was not used for so long, and what killed builds left', async () => {
    const root = await freshRoot();
    const store = await openStore({ root, host });
    const old = await store.step(spec('old'), (folder) => writeFile(join(folder, 'x'), 'x'.repeat(5000)));
    const recent = await store.step(spec('recent'), async () => undefined);
    await makeUsed(old.folder, 10 * dayMs);
    await mkdir(join(root, 'tmp', `${await deadMark(root)}-abc`));
    const ours = temporaryPath(store);
    await mkdir(ours);

    const listing = await listStore(store);
    expect(listing.map(({ kind, count }) => [kind, count])).toEqual([
      ['downloads', 0],
      ['step outputs', 2],
      ['unfinished', 2],
    ]);
    const { removedCount, freedBytes } = await collectStore(store, {
      olderThanMs: dayMs,
      nowMs: host.now(),
    });
    expect(removedCount).toBe(2);
    expect(freedBytes).toBeGreaterThanOrEqual(5000);
    await expect(stat(old.folder)).rejects.toMatchObject({ code: 'ENOENT' });
    await stat(recent.folder);
    await stat(ours);
  });

  test('a hit counts as use', async () => {
    const store = await openStore({ root: await freshRoot(), host });
    const { folder } = await store.step(spec(1), async () => undefined);
    await makeUsed(folder, 10 * dayMs);
    await store.step(spec(1), async () => undefined);
    const collected = await collectStore(store, { olderThanMs: dayMs, nowMs: host.now() });
    expect(collected.removedCount).toBe(0);
  });
});
