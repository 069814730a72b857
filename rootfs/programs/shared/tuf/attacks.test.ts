// Long because it is one table of attacks, with one machine and one maker of indexes for all of them.
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import type { ChannelRelease } from '../../../../build/contract/channel.ts';
import {
  channelKeys,
  day,
  memoryDestination,
  type TestKeys,
  testBundle,
  testChange,
  testKeys,
  testNow,
  testOptions,
  testRoot,
  testSigner,
} from '../../../../build/publish/channel-fixtures.ts';
import { makeSnapshot, makeTargets, makeTimestamp } from '../../../../build/publish/make-index.ts';
import { draftRoot, signRoot, writeDraft } from '../../../../build/publish/make-root.ts';
import { planReleases } from '../../../../build/publish/plan-releases.ts';
import { publishChannel } from '../../../../build/publish/publish-channel.ts';
import { fileOfText, type MetadataSigner } from '../../../../build/publish/sign-metadata.ts';
import { deviceBundling } from '../../../../build/rootfs/bundle-program.ts';
import type { IndexReply, RefreshOutcome } from './refresh-index.ts';
import * as refreshing from './refresh-index.ts';
import type { TrustedIndex } from './trusted-index.ts';
import * as trusting from './trusted-index.ts';

type Client = Pick<typeof refreshing, 'refreshIndex'> & Pick<typeof trusting, 'openTrust'>;

/** The module as a device program has it: no Node, no web platform, nothing but the language. */
let bundled: Client;

beforeAll(async () => {
  const built = await build({
    ...deviceBundling,
    stdin: {
      contents:
        "export { refreshIndex } from './refresh-index.ts'; export { openTrust } from './trusted-index.ts';",
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
      loader: 'ts',
    },
    format: 'iife',
    globalName: 'client',
    write: false,
  });
  bundled = runInNewContext(`${built.outputFiles[0]?.text}; client`, {}) as Client;
});

/** What a server has. */
type Tree = Map<string, string>;

/** A machine that follows a channel, keeping what a real one would. */
function makeMachine(client: Client, imageRoot: string, channel = 'stable') {
  let kept: string | undefined;
  return {
    refresh(
      tree: Tree,
      { clock = testNow, builtAt = testNow - 10 * day, replies = {} }: RefreshOptions = {},
    ) {
      const { trusted } = client.openTrust({ imageRoot, channel, kept });
      const steps = client.refreshIndex({ trusted, clock, builtAt });
      let step = steps.next();
      while (step.done !== true) {
        const { path } = step.value;
        const text = tree.get(path);
        step = steps.next(
          replies[path] ??
            (text === undefined ? { kind: 'missing' } : { kind: 'content', bytes: Buffer.from(text) }),
        );
      }
      kept = JSON.stringify(step.value.trusted);
      return JSON.parse(JSON.stringify(step.value)) as RefreshOutcome;
    },
    kept: () => JSON.parse(kept ?? '{}') as TrustedIndex,
  };
}

interface RefreshOptions {
  readonly clock?: number;
  readonly builtAt?: number;
  readonly replies?: Readonly<Record<string, IndexReply>>;
}

interface IndexOptions {
  readonly keys?: TestKeys;
  readonly version?: number;
  readonly channel?: string;
  readonly releases?: readonly ChannelRelease[];
  readonly expiresAt?: number;
  readonly now?: number;
  readonly versions?: { readonly targets?: number; readonly snapshot?: number; readonly timestamp?: number };
}

const releasesOf = (...versions: string[]) =>
  planReleases([], {
    ...testChange,
    start: testNow,
    bundles: versions.map((version) => testBundle(version)),
  });

/** A whole index, signed by whoever has the keys. */
async function makeIndex(roots: readonly string[], options: IndexOptions = {}): Promise<Tree> {
  const { keys = testKeys(), version = 1, channel = 'stable', now = testNow } = options;
  const marked = (role: 'targets' | 'snapshot' | 'timestamp') => ({
    channel,
    now,
    version: options.versions?.[role] ?? version,
    expiresAt: options.expiresAt ?? now + 7 * day,
  });
  const releases = options.releases ?? releasesOf(`2026.11.${version}`);
  const targets = await makeTargets(marked('targets'), releases, keys.targets);
  const snapshot = await makeSnapshot(marked('snapshot'), targets, keys.snapshot);
  const timestamp = await makeTimestamp(marked('timestamp'), snapshot, keys.timestamp);
  return new Map([
    ...roots.map((text, index) => [`${index + 1}.root.json`, text] as const),
    [`${targets.version}.targets.json`, targets.text],
    [`${snapshot.version}.snapshot.json`, snapshot.text],
    ['timestamp.json', timestamp.text],
  ]);
}

const thief = testSigner('somebody else');
const stolen = (role: keyof TestKeys): TestKeys => ({
  ...testKeys(),
  root: [thief],
  targets: [thief],
  snapshot: [thief],
  timestamp: [thief],
  [role]: testKeys()[role],
});

const join = (...trees: Tree[]): Tree => new Map(trees.flatMap((tree) => [...tree]));
const refused = (code: string, message?: string) => ({
  kind: 'refused',
  refusal: { code, ...(message === undefined ? {} : { message }) },
});

describe.each<[string, () => Client]>([
  ['on Node', () => ({ ...refreshing, ...trusting })],
  ['as bundled for QuickJS', () => bundled],
])('a machine, %s,', (_where, client) => {
  const start = async () => {
    const root = await testRoot();
    const first = await makeIndex([root]);
    const machine = makeMachine(client(), root);
    return { root, first, machine };
  };

  test('follows a channel from version to version', async () => {
    const { root, first, machine } = await start();
    expect(machine.refresh(first)).toMatchObject({
      kind: 'fresh',
      index: { channel: 'stable', versions: { root: 1, timestamp: 1 }, releases: [{ version: '2026.11.1' }] },
    });
    expect(machine.refresh(first)).toMatchObject({ kind: 'fresh' });
    expect(machine.refresh(await makeIndex([root], { version: 2 }))).toMatchObject({
      kind: 'fresh',
      index: { versions: { timestamp: 2, snapshot: 2, targets: 2 }, releases: [{ version: '2026.11.2' }] },
    });
  });

  test('fetches nothing but the timestamp when nothing is new', async () => {
    const { first, machine } = await start();
    machine.refresh(first);
    const timestamp = new Map([['timestamp.json', first.get('timestamp.json') as string]]);
    expect(machine.refresh(timestamp)).toMatchObject({ kind: 'fresh', index: { versions: { targets: 1 } } });
  });

  test('refuses an older index played again, and keeps what it has', async () => {
    const { root, first, machine } = await start();
    machine.refresh(await makeIndex([root], { version: 2 }));
    const before = machine.kept();
    expect(machine.refresh(first)).toMatchObject(
      refused('INDEX_OLDER', 'timestamp.json: version 1 is older than 2'),
    );
    expect(machine.kept()).toEqual(before);
  });

  test('refuses an older snapshot under a new timestamp, and older targets under a new snapshot', async () => {
    const { root, machine } = await start();
    machine.refresh(await makeIndex([root], { version: 2 }));
    const olderSnapshot = await makeIndex([root], { version: 1, versions: { timestamp: 3 } });
    expect(machine.refresh(olderSnapshot)).toMatchObject(
      refused('INDEX_OLDER', 'snapshot.json: version 1 is older than 2'),
    );
    const olderTargets = await makeIndex([root], { version: 1, versions: { timestamp: 4, snapshot: 4 } });
    expect(machine.refresh(olderTargets)).toMatchObject(
      refused('INDEX_OLDER', 'targets.json: version 1 is older than 2'),
    );
  });

  test('refuses a frozen index once it expired, whatever the clock says', async () => {
    const { first, machine } = await start();
    const expired = refused('INDEX_EXPIRED', 'timestamp.json: it expired on 2026-11-28T09:00:00Z');
    expect(machine.refresh(first, { clock: testNow + 8 * day })).toMatchObject(expired);
    // A clock that was reset to 1970: the image is younger than the index.
    expect(machine.refresh(first, { clock: 0, builtAt: testNow + 8 * day })).toMatchObject(expired);
    // A clock that was reset to before what was signed and seen.
    const { root } = await start();
    const later = await makeIndex([root], { version: 2, now: testNow + 20 * day });
    expect(machine.refresh(later, { clock: testNow + 20 * day })).toMatchObject({ kind: 'fresh' });
    const frozen = await makeIndex([root], { version: 3, now: testNow, expiresAt: testNow + 15 * day });
    expect(machine.refresh(frozen, { clock: 0 })).toMatchObject({
      ...refused('INDEX_EXPIRED'),
      now: testNow + 20 * day,
    });
  });

  test.each(['timestamp', 'snapshot', 'targets'] as const)('alarms when %s expired', async (role) => {
    const { root, machine } = await start();
    const marked = (name: string) => ({
      channel: 'stable',
      now: testNow,
      version: 1,
      expiresAt: name === role ? testNow - 1 : testNow + day,
    });
    const keys = testKeys();
    const targets = await makeTargets(marked('targets'), releasesOf('2026.11.1'), keys.targets);
    const snapshot = await makeSnapshot(marked('snapshot'), targets, keys.snapshot);
    const timestamp = await makeTimestamp(marked('timestamp'), snapshot, keys.timestamp);
    const tree = new Map([
      ['1.root.json', root],
      ['1.targets.json', targets.text],
      ['1.snapshot.json', snapshot.text],
      ['timestamp.json', timestamp.text],
    ]);
    expect(machine.refresh(tree)).toMatchObject({
      kind: 'refused',
      refusal: {
        code: 'INDEX_EXPIRED',
        message: `${role}.json: it expired on 2026-11-21T08:59:59Z`,
        isAlarm: true,
      },
    });
  });

  test('refuses files that do not belong together', async () => {
    const { root, first, machine } = await start();
    const second = await makeIndex([root], { version: 2 });
    const mixed = join(second, new Map([['2.targets.json', first.get('1.targets.json') as string]]));
    expect(machine.refresh(mixed)).toMatchObject(
      refused('INDEX_MIXED', 'targets.json: it is not the file that was signed for'),
    );
    const otherSnapshot = join(
      second,
      new Map([['2.snapshot.json', first.get('1.snapshot.json') as string]]),
    );
    expect(makeMachine(client(), root).refresh(otherSnapshot)).toMatchObject(refused('INDEX_MIXED'));
  });

  test('refuses a snapshot whose version is not the one that was told', async () => {
    const { root, machine } = await start();
    const keys = testKeys();
    const marked = { channel: 'stable', now: testNow, version: 1, expiresAt: testNow + day };
    const targets = await makeTargets(marked, releasesOf('2026.11.1'), keys.targets);
    const snapshot = await makeSnapshot({ ...marked, version: 7 }, targets, keys.snapshot);
    const timestamp = await makeTimestamp(marked, { ...snapshot, version: 8 }, keys.timestamp);
    const tree = new Map([
      ['1.root.json', root],
      ['8.snapshot.json', snapshot.text],
      ['timestamp.json', timestamp.text],
    ]);
    expect(machine.refresh(tree)).toMatchObject(
      refused('INDEX_MIXED', 'snapshot.json: it has version 7, not 8'),
    );
  });

  test('refuses the index of another channel, and remembers none of its versions', async () => {
    const { root, first, machine } = await start();
    machine.refresh(first);
    const beta = await makeIndex([root], { version: 500, channel: 'beta' });
    expect(machine.refresh(beta)).toMatchObject(
      refused('INDEX_FOREIGN', 'timestamp.json: it is of channel beta, not stable'),
    );
    expect(machine.refresh(first)).toMatchObject({ kind: 'fresh' });
  });

  test('recovers from versions that a thief counted up, by new keys', async () => {
    const { root, first, machine } = await start();
    machine.refresh(first);
    const huge = Number.MAX_SAFE_INTEGER;
    const forward = await makeIndex([root], {
      keys: testKeys(),
      version: huge,
      releases: releasesOf('2026.11.9'),
    });
    expect(machine.refresh(forward)).toMatchObject({ kind: 'fresh' });
    expect(machine.refresh(await makeIndex([root], { version: 2 }))).toMatchObject(refused('INDEX_OLDER'));
    const keys = testKeys({ timestamp: 'second', snapshot: 'second', targets: 'second' });
    const secondRoot = await testRoot(keys, { text: root, keys: testKeys() });
    expect(machine.refresh(await makeIndex([root, secondRoot], { keys, version: 3 }))).toMatchObject({
      kind: 'fresh',
      index: { versions: { root: 2, timestamp: 3 } },
    });
  });

  test('recovers from a time that a thief set forward, by new keys', async () => {
    const { root, machine } = await start();
    const future = testNow + 20_000 * day;
    const forward = await makeIndex([root], { version: 2, now: future });
    expect(machine.refresh(forward)).toMatchObject({ kind: 'fresh' });
    expect(machine.refresh(await makeIndex([root], { version: 3 }))).toMatchObject(refused('ROOT_EXPIRED'));
    const keys = testKeys({ timestamp: 'second' });
    const secondRoot = await testRoot(keys, { text: root, keys: testKeys() });
    const recovered = await makeIndex([root, secondRoot], { keys, version: 4 });
    expect(machine.refresh(recovered)).toMatchObject({ kind: 'fresh', now: testNow });
  });

  test.each(['2.root.json', 'timestamp.json', '1.snapshot.json', '1.targets.json'])(
    'stops reading an endless %s',
    async (path) => {
      const { first, machine } = await start();
      const code = refused('INDEX_TOO_LARGE');
      expect(machine.refresh(first, { replies: { [path]: { kind: 'too-large' } } })).toMatchObject(code);
      const bytes = new Uint8Array(300 * 1024);
      expect(machine.refresh(first, { replies: { [path]: { kind: 'content', bytes } } })).toMatchObject(code);
    },
  );

  test('does not begin to read a file that is told to be endless', async () => {
    const { root, machine } = await start();
    const keys = testKeys();
    const marked = { channel: 'stable', now: testNow, version: 1, expiresAt: testNow + day };
    const targets = await makeTargets(marked, releasesOf('2026.11.1'), keys.targets);
    const snapshot = await makeSnapshot(marked, { ...targets, sizeBytes: 2 ** 40 }, keys.snapshot);
    const timestamp = await makeTimestamp(marked, snapshot, keys.timestamp);
    const tree = new Map([
      ['1.root.json', root],
      ['1.snapshot.json', snapshot.text],
      ['timestamp.json', timestamp.text],
    ]);
    expect(machine.refresh(tree)).toMatchObject(
      refused('INDEX_TOO_LARGE', 'targets.json: 1099511627776 bytes are more than 262144'),
    );
  });

  test('refuses new keys that too few of the old ones vouch for, or too few of the new', async () => {
    const { root, first, machine } = await start();
    const next = testKeys({ root: 'second' });
    const draft = writeDraft(
      draftRoot({ keys: channelKeys(next), expiresAt: testNow + 100 * day, previous: root }),
    );
    const signedBy = async (...signers: (MetadataSigner | undefined)[]) =>
      (
        await signRoot(
          draft,
          signers.filter((signer) => signer !== undefined),
        )
      ).text;
    const [old1, old2] = testKeys().root;
    const [new1, new2] = next.root;
    const offer = (text: string) => machine.refresh(join(first, new Map([['2.root.json', text]])));
    expect(offer(await signedBy(new1, new2))).toMatchObject(
      refused('ROOT_UNSIGNED', 'root.json: root was signed by 0/2 keys'),
    );
    expect(offer(await signedBy(old1, new1, new2))).toMatchObject(
      refused('ROOT_UNSIGNED', 'root.json: root was signed by 1/2 keys'),
    );
    expect(offer(await signedBy(old1, old2, new1))).toMatchObject(refused('ROOT_UNSIGNED'));
    expect(offer(await signedBy(old1, old2, new1, new2))).toMatchObject({ kind: 'fresh' });
  });

  test('refuses a key that wants to count twice', async () => {
    const { root, machine } = await start();
    const value = JSON.parse(root);
    const [id, other] = value.signed.roles.root.keyids;
    value.signed.keys[other] = value.signed.keys[id];
    const twice = JSON.stringify(value);
    expect(machine.refresh(new Map([['2.root.json', twice]]))).toMatchObject(
      refused('ROOT_MALFORMED', 'root.json: a key has the id of another'),
    );
  });

  test('goes through several generations of keys at once', async () => {
    const { root, machine } = await start();
    const second = testKeys({ root: 'second', timestamp: 'second' });
    const third = testKeys({ root: 'third', timestamp: 'third', targets: 'third' });
    const secondRoot = await testRoot(second, { text: root, keys: testKeys() });
    const thirdRoot = await testRoot(third, { text: secondRoot, keys: second });
    const tree = await makeIndex([root, secondRoot, thirdRoot], { keys: third });
    expect(machine.refresh(tree)).toMatchObject({ kind: 'fresh', index: { versions: { root: 3 } } });
  });

  test('refuses a list of keys that is not the next', async () => {
    const { root, first, machine } = await start();
    expect(machine.refresh(join(first, new Map([['2.root.json', root]])))).toMatchObject(
      refused('ROOT_SKIPPED', 'root.json: it has version 1, not 2'),
    );
  });

  test('remembers new keys even when the rest is refused, and then refuses a revoked one', async () => {
    const { root, first, machine } = await start();
    machine.refresh(first);
    const keys = testKeys({ timestamp: 'second' });
    const secondRoot = await testRoot(keys, { text: root, keys: testKeys() });
    const unsigned = refused('INDEX_UNSIGNED', 'timestamp.json: timestamp was signed by 0/1 keys');
    expect(machine.refresh(await makeIndex([root, secondRoot], { version: 2 }))).toMatchObject(unsigned);
    expect(machine.kept().root).toBe(secondRoot);
    // The server hides the new list from then on.
    expect(machine.refresh(await makeIndex([root], { version: 3 }))).toMatchObject(unsigned);
  });

  test('refuses an expired list of keys', async () => {
    const { first, machine } = await start();
    expect(machine.refresh(first, { clock: testNow + 2000 * day })).toMatchObject(
      refused('ROOT_EXPIRED', 'root.json: version 1 expired on 2029-08-17T09:00:00Z'),
    );
  });

  test('refuses changed words about a release, by whomever they were signed', async () => {
    const { root, first, machine } = await start();
    const path = '1.targets.json';
    const changed = (first.get(path) as string).replace('"paused":false', '"paused":true ');
    expect(machine.refresh(join(first, new Map([[path, changed]])))).toMatchObject(refused('INDEX_MIXED'));
    // With the two online keys a thief still cannot say what is released.
    const online = { ...stolen('timestamp'), snapshot: testKeys().snapshot };
    expect(machine.refresh(await makeIndex([root], { keys: online, version: 2 }))).toMatchObject(
      refused('INDEX_UNSIGNED', 'targets.json: targets was signed by 0/1 keys'),
    );
    expect(machine.refresh(await makeIndex([root], { keys: stolen('targets'), version: 3 }))).toMatchObject(
      refused('INDEX_UNSIGNED'),
    );
  });

  test.each<[string, (fields: Record<string, never>) => void, string]>([
    [
      'sequence',
      (fields) => Object.assign(fields, { sequence: 1 }),
      'a target has a sequence that is not its version',
    ],
    ['version', (fields) => Object.assign(fields, { version: '1.0' }), 'there is no good version'],
    ['format', (fields) => Object.assign(fields, { format: 2 }), 'a target has a format other than 1'],
    [
      'image',
      (fields) => Object.assign(fields, { image: { sha256: 'x', size: 1 } }),
      'there is no good image.sha256',
    ],
    [
      'waves',
      (fields) =>
        Object.assign(fields.rollout as unknown as object, {
          waves: [
            { share: 5, start_after: 1 },
            { share: 4, start_after: 2 },
          ],
        }),
      'a target has waves that do not grow',
    ],
    [
      'minimum version',
      (fields) => Object.assign(fields, { minimum_version: '2027.01.0' }),
      'a target has a minimum version above its own',
    ],
  ])('refuses a signed release with a senseless %s', async (_name, change, message) => {
    const { root, machine } = await start();
    const tree = await makeIndex([root]);
    const value = JSON.parse(tree.get('1.targets.json') as string);
    const [target] = Object.values(value.signed.targets) as { custom: { keelson: Record<string, never> } }[];
    change(target?.custom.keelson ?? {});
    const signed = await resign(value, testKeys());
    expect(machine.refresh(join(tree, signed))).toMatchObject(
      refused('INDEX_MALFORMED', `targets.json: ${message}`),
    );
  });

  test.each<[string, string | Buffer]>([
    ['nothing', ''],
    ['null', 'null'],
    ['an array', '[]'],
    ['other metadata', '{"signed":{"_type":"root"},"signatures":[]}'],
    ['deep nesting', `${'['.repeat(4000)}${']'.repeat(4000)}`],
    ['bytes that are not ASCII', Buffer.from([0xc3, 0x28])],
    ['a version of 0', '{"signed":{"_type":"timestamp","version":0},"signatures":[]}'],
  ])('refuses %s as timestamp', async (_name, content) => {
    const { first, machine } = await start();
    const bytes = new Uint8Array(Buffer.from(content));
    expect(
      machine.refresh(first, { replies: { 'timestamp.json': { kind: 'content', bytes } } }),
    ).toMatchObject(refused('INDEX_MALFORMED'));
  });

  test('says when the channel does not answer', async () => {
    const { machine } = await start();
    expect(machine.refresh(new Map())).toMatchObject(
      refused('INDEX_UNREACHABLE', 'timestamp.json: there is no such file'),
    );
    const replies = { '2.root.json': { kind: 'failed', reason: 'connection refused' } } as const;
    expect(machine.refresh(new Map(), { replies })).toMatchObject({
      kind: 'refused',
      refusal: { code: 'INDEX_UNREACHABLE', message: '2.root.json: connection refused', isAlarm: false },
    });
  });

  test('takes what the publisher lays out', async () => {
    const destination = memoryDestination();
    const options = await testOptions({ destination });
    await publishChannel(options, { ...testChange, bundles: [testBundle('2026.11.1')] });
    const tree: Tree = new Map(
      [...destination.files]
        .filter(([path]) => path.startsWith('stable/'))
        .map(([path, bytes]) => [path.slice('stable/'.length), bytes.toString()]),
    );
    const machine = makeMachine(client(), options.roots[0] as string);
    expect(machine.refresh(tree)).toMatchObject({
      kind: 'fresh',
      index: { releases: [{ version: '2026.11.1' }] },
    });
  });
});

/** Targets as they were changed, signed by all who should. */
async function resign(
  value: { signed: Parameters<typeof JSON.stringify>[0] },
  keys: TestKeys,
): Promise<Tree> {
  const { Targets } = await import('@tufjs/models');
  const { signMetadata } = await import('../../../../build/publish/sign-metadata.ts');
  const marked = { channel: 'stable', now: testNow, version: 1, expiresAt: testNow + day };
  const file = await signMetadata(Targets.fromJSON(value.signed), keys.targets);
  const targets = fileOfText(file.text, 1);
  const snapshot = await makeSnapshot(marked, targets, keys.snapshot);
  const timestamp = await makeTimestamp(marked, snapshot, keys.timestamp);
  return new Map([
    ['1.targets.json', targets.text],
    ['1.snapshot.json', snapshot.text],
    ['timestamp.json', timestamp.text],
  ]);
}
