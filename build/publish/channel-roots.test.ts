import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readRoot } from '../../rootfs/programs/shared/tuf/trusted-index.ts';
import { type KeyBench, openKeyBench } from '../keys/key-fixtures.ts';
import { type Keys, openKeys } from '../keys/open-keys.ts';
import { rotateKeys } from '../keys/rotate-keys.ts';
import { openRoots, readRoots } from './channel-roots.ts';
import { recordPath } from './publish-record.ts';

jest.setTimeout(60_000);

let bench: KeyBench;
let keys: Keys;

beforeAll(async () => {
  bench = await openKeyBench();
  bench.setClock(new Date('2026-11-21T09:00:00Z'));
  keys = await bench.makeKeys('acme');
}, 120_000);
afterAll(() => bench.close());

const folder = () => join(keys.folder, 'channel');
const versions = (roots: readonly string[]) => roots.map((text) => readRoot(text).signed.version);

describe("a channel's list of keys", () => {
  test('is made once, in the key folder, and signed by two of three', async () => {
    const roots = await openRoots(keys);
    expect(versions(roots)).toEqual([1]);
    expect(await openRoots(keys)).toEqual(roots);
    expect(await readdir(folder())).toEqual(['1.root.json']);
    const { signed, signatures } = JSON.parse(roots[0] as string);
    expect(signed.roles.root).toMatchObject({ threshold: 2, keyids: { length: 3 } });
    expect(signatures).toHaveLength(2);
  });

  test('follows every rotation, signed by old and new keys', async () => {
    keys = await rotateKeys(keys, { subject: 'tuf-timestamp' });
    expect(versions(await openRoots(keys))).toEqual([1, 2]);
    keys = await rotateKeys(keys, { subject: 'tuf-root-1' });
    expect(versions(await openRoots(keys))).toEqual([1, 2, 3]);
    keys = await rotateKeys(keys, { subject: 'tuf-root-2' });
    keys = await rotateKeys(keys, { subject: 'tuf-root-3' });
    expect(versions(await openRoots(keys))).toEqual([1, 2, 3, 4]);
    expect(versions(await readRoots(keys))).toEqual([1, 2, 3, 4]);
  });

  test('is renewed when asked for, and somebody is told before it ends', async () => {
    expect(versions(await openRoots(keys, { isRenewed: true }))).toEqual([1, 2, 3, 4, 5]);
    bench.setClock(new Date(bench.workshop.host.now() + 1050 * 86_400_000));
    await openRoots(keys);
    expect(bench.events).toContainEqual(
      expect.objectContaining({
        type: 'warning',
        message: "The channel's list of keys ends in 45 days; then machines alarm",
        hint: 'Renew it with --renew-root and the offline keys.',
      }),
    );
  });

  test('is refused when it is damaged', async () => {
    const path = join(folder(), '3.root.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"threshold":2', '"threshold":1'));
    await expect(readRoots(keys)).rejects.toMatchObject({
      code: 'CHANNEL_ROOTS_DAMAGED',
      message: `Cannot use ${path}: root.json: root was signed by 0/1 keys`,
    });
    await writeFile(path, text);
  });

  test('cannot be made when the offline keys are away', async () => {
    const away = await bench.makeKeys('away');
    for (const name of await readdir(away.folder, { recursive: true })) {
      if (/tuf-root-[23]/.test(name)) await rm(join(away.folder, name));
    }
    // Keys that were just made are still in memory.
    const opened = await openKeys(bench.workshop, { folder: away.folder });
    await expect(openRoots(opened)).rejects.toMatchObject({
      code: 'CHANNEL_ROOT_UNSIGNED',
      message: 'Cannot make a root for the channel: root.json: root was signed by 1/2 keys',
    });
  });
});

test('a record of what was published lies with the state of its user', () => {
  const host = (variables: Record<string, string>) => ({
    environmentVariable: (name: string) => variables[name],
  });
  expect(recordPath(host({ XDG_STATE_HOME: '/state' }), '/srv', 'stable')).toMatch(
    /^\/state\/keelson\/channels\/stable-[0-9a-f]{16}\.json$/,
  );
  expect(recordPath(host({ HOME: '/home/user' }), '/srv', 'stable')).toMatch(
    /^\/home\/user\/\.local\/state\/keelson\/channels\/stable-/,
  );
});
