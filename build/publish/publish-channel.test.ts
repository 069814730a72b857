import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { KeelsonError } from '../errors/keelson-error.ts';
import {
  channelKeys,
  day,
  memoryDestination,
  testBundle,
  testChange,
  testKeys,
  testNow,
  testOptions,
  testRoot,
  testSigner,
} from './channel-fixtures.ts';
import type { PublishOptions } from './lay-out-channel.ts';
import { makeRoot } from './make-root.ts';
import { publishChannel, refreshChannel } from './publish-channel.ts';
import { metadataKey } from './sign-metadata.ts';

const one = testBundle('2026.11.1');
const two = testBundle('2026.11.2');
const refresh = { isOlderAllowed: false };

/** A channel with one release. */
async function published(change: Partial<PublishOptions> = {}) {
  const destination = memoryDestination();
  const options = await testOptions({ destination, ...change });
  const publication = await publishChannel(options, { ...testChange, bundles: [one] });
  destination.writes.length = 0;
  return { destination, options, publication };
}

describe('a channel', () => {
  test('gets the file that machines start from last', async () => {
    const destination = memoryDestination();
    const publication = await publishChannel(await testOptions({ destination }), {
      ...testChange,
      bundles: [one],
    });
    expect(destination.writes).toEqual([
      `bundles/${one.sha256}.raucb`,
      'stable/1.root.json',
      'stable/1.targets.json',
      'stable/1.snapshot.json',
      'stable/history.json',
      'stable/timestamp.json',
    ]);
    expect(publication).toMatchObject({
      versions: { root: 1, timestamp: 1, snapshot: 1, targets: 1 },
      expiresAt: testNow + 7 * day,
      uploadedBundles: [one.sha256],
    });
  });

  test('keeps older releases for machines that the newest has not reached, and uploads only what is new', async () => {
    const { destination, options } = await published();
    const publication = await publishChannel(options, { ...testChange, bundles: [one, two] });
    expect(publication.releases.map(({ version }) => version)).toEqual(['2026.11.1', '2026.11.2']);
    expect(publication.uploadedBundles).toEqual([two.sha256]);
    expect(destination.writes).toEqual([
      `bundles/${two.sha256}.raucb`,
      'stable/2.targets.json',
      'stable/2.snapshot.json',
      'stable/history.json',
      'stable/timestamp.json',
    ]);
  });

  test('is refreshed by a new timestamp only', async () => {
    const { destination, options } = await published();
    const publication = await refreshChannel({ ...options, now: testNow + day }, refresh);
    expect(destination.writes).toEqual(['stable/history.json', 'stable/timestamp.json']);
    expect(publication.versions).toEqual({ root: 1, timestamp: 2, snapshot: 1, targets: 1 });
  });

  test('has everything renewed when half of its time is over', async () => {
    const { options, publication } = await published();
    const later = { ...options, now: testNow + 50 * day, record: publication.record };
    const renewed = await refreshChannel(later, refresh);
    expect(renewed.versions).toEqual({ root: 1, timestamp: 2, snapshot: 2, targets: 2 });
    expect(renewed.expiresAt).toBe(testNow + 57 * day);
  });

  test('is refreshed without the keys of releases as long as those are good, and somebody is told', async () => {
    const { options, publication } = await published();
    const faults: KeelsonError[] = [];
    const locked = {
      publicKeyPem: testSigner('targets first').publicKeyPem,
      sign: async () => {
        throw new KeelsonError({ code: 'PASSPHRASE_ABSENT', class: 'input', message: 'Cannot open the key' });
      },
    };
    const later = {
      ...options,
      now: testNow + 50 * day,
      record: publication.record,
      signers: { ...options.signers, targets: [locked] },
      onRenewalFailed: (error: KeelsonError) => faults.push(error),
    };
    expect((await refreshChannel(later, refresh)).versions).toMatchObject({ timestamp: 2, targets: 1 });
    expect(faults.map(({ code }) => code)).toEqual(['PASSPHRASE_ABSENT']);
    await expect(refreshChannel({ ...later, now: testNow + 91 * day }, refresh)).rejects.toMatchObject({
      code: 'PASSPHRASE_ABSENT',
    });
  });

  test('is paused and goes on, each as a change of its own', async () => {
    const { destination, options } = await published();
    const paused = await publishChannel(options, { ...testChange, bundles: [], pause: true });
    expect(paused.releases.map(({ rollout }) => rollout.isPaused)).toEqual([true]);
    const resumed = await publishChannel(options, { ...testChange, bundles: [], pause: false });
    expect(resumed.releases.map(({ rollout }) => rollout.isPaused)).toEqual([false]);
    const history = JSON.parse(destination.files.get('stable/history.json')?.toString() ?? '');
    expect(history.entries.map(({ action }: { action: string }) => action)).toEqual([
      'publish',
      'pause',
      'resume',
    ]);
  });

  test('never uses the name of a file again that a publisher left who was cut off', async () => {
    const { destination, options } = await published();
    destination.files.set('stable/2.targets.json', Buffer.from('left behind'));
    const publication = await publishChannel(options, { ...testChange, bundles: [two] });
    expect(publication.versions).toMatchObject({ targets: 3, snapshot: 2 });
    expect(destination.files.get('stable/2.targets.json')?.toString()).toBe('left behind');
  });

  test('is carried over to new keys', async () => {
    const { destination, options } = await published();
    const keys = testKeys({ root: 'second', targets: 'second', snapshot: 'second', timestamp: 'second' });
    const root = await testRoot(keys, { text: options.roots[0] as string, keys: testKeys() });
    const { targets, snapshot, timestamp } = keys;
    const rotated = {
      ...options,
      roots: [...options.roots, root],
      signers: { targets, snapshot, timestamp },
    };
    expect((await refreshChannel(rotated, refresh)).versions).toEqual({
      root: 2,
      timestamp: 2,
      snapshot: 2,
      targets: 2,
    });
    expect(destination.writes[0]).toBe('stable/2.root.json');
    await expect(refreshChannel(options, refresh)).rejects.toMatchObject({
      code: 'CHANNEL_ROOTS_DIFFER',
      message: 'Cannot publish channel stable: memory has root 2, and the key folder only 1',
    });
  });
});

describe('a channel is refused', () => {
  test('when it is empty', async () => {
    await expect(refreshChannel(await testOptions(), refresh)).rejects.toMatchObject({
      code: 'CHANNEL_EMPTY',
      message: 'Cannot publish channel stable: there is nothing in it yet',
    });
  });

  test('when it would go back', async () => {
    const { options } = await published();
    await publishChannel(options, { ...testChange, bundles: [two] });
    const back = { ...testChange, bundles: [one] };
    await expect(publishChannel(options, back)).rejects.toMatchObject({
      code: 'CHANNEL_WOULD_GO_BACK',
      message: 'Cannot publish minimal-x86-64 2026.11.1: the channel is at 2026.11.2',
    });
    const publication = await publishChannel(options, { ...back, isOlderAllowed: true });
    expect(publication.releases.map(({ version }) => version)).toEqual(['2026.11.1']);
    expect(publication.versions).toMatchObject({ timestamp: 3, targets: 3 });
  });

  test('when it expired and nobody remembers what was in it', async () => {
    const { options, publication } = await published();
    const later = { ...options, now: testNow + 8 * day };
    await expect(refreshChannel(later, refresh)).rejects.toMatchObject({
      code: 'CHANNEL_EXPIRED',
      message: 'Cannot go on from channel stable at memory: it expired, so it may be an old copy',
    });
    await expect(refreshChannel({ ...later, record: publication.record }, refresh)).resolves.toBeDefined();
    const again = { ...later, now: testNow + 16 * day };
    await expect(refreshChannel(again, { isOlderAllowed: true })).resolves.toBeDefined();
  });

  test('when somebody set it back to what it was', async () => {
    const { destination, options } = await published();
    const old = new Map(destination.files);
    const { record } = await publishChannel(options, { ...testChange, bundles: [two] });
    destination.files.clear();
    for (const [path, bytes] of old) destination.files.set(path, bytes);
    await expect(refreshChannel({ ...options, record }, refresh)).rejects.toMatchObject({
      code: 'CHANNEL_UNTRUSTED',
      message: 'Cannot go on from channel stable at memory: timestamp.json: version 1 is older than 2',
    });
    destination.files.delete('stable/timestamp.json');
    await expect(refreshChannel({ ...options, record }, refresh)).rejects.toMatchObject({
      message: 'Cannot go on from channel stable at memory: it was published before, and is gone',
    });
  });

  test('when somebody else signed it', async () => {
    const { destination, options } = await published();
    const timestamp = destination.files.get('stable/timestamp.json')?.toString() ?? '';
    destination.files.set(
      'stable/timestamp.json',
      Buffer.from(timestamp.replace('"version":1}', '"version":9}')),
    );
    await expect(refreshChannel(options, refresh)).rejects.toMatchObject({
      code: 'CHANNEL_UNTRUSTED',
      message: 'Cannot go on from channel stable at memory: timestamp.json: timestamp was signed by 0/1 keys',
    });
  });

  test('when machines would refuse what was signed', async () => {
    const options = await testOptions();
    const signers = { ...options.signers, targets: [testSigner('somebody else')] };
    await expect(
      publishChannel({ ...options, signers }, { ...testChange, bundles: [one] }),
    ).rejects.toMatchObject({
      code: 'CHANNEL_REFUSED',
      message:
        'Cannot publish channel stable: machines would refuse it (INDEX_UNSIGNED): targets.json: targets was signed by 0/1 keys',
    });
    expect((options.destination as ReturnType<typeof memoryDestination>).writes).toEqual([]);
  });

  test('when somebody else publishes at the same time', async () => {
    const { destination, options } = await published();
    const write = destination.write;
    let isOver = false;
    const slow = {
      ...destination,
      write: async (...each: Parameters<typeof write>) => {
        if (!isOver) {
          isOver = true;
          await refreshChannel({ ...options, destination }, refresh);
        }
        await write(...each);
      },
    };
    await expect(
      publishChannel({ ...options, destination: slow }, { ...testChange, bundles: [two] }),
    ).rejects.toMatchObject({
      code: 'CHANNEL_MOVED',
      message: 'Cannot publish channel stable: somebody else published to memory at the same time',
    });
  });

  test('when the clock is behind what was signed', async () => {
    const { options } = await published();
    await expect(refreshChannel({ ...options, now: testNow - day }, refresh)).rejects.toMatchObject({
      code: 'CLOCK_BEHIND',
      message:
        "Cannot publish: the channel was signed at 2026-11-21T09:00:00.000Z, and this computer's clock is before that",
    });
  });

  test('when its roots are others', async () => {
    const { options } = await published();
    const longer = await makeRoot({
      keys: channelKeys(testKeys()),
      expiresAt: testNow + 2000 * day,
      signers: testKeys().root,
    });
    await expect(refreshChannel({ ...options, roots: [longer.text] }, refresh)).rejects.toMatchObject({
      code: 'CHANNEL_ROOTS_DIFFER',
      message: 'Cannot publish channel stable: root 1 at memory is not the one in the key folder',
    });
  });

  test('when its keys are of a kind that machines cannot verify', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    expect(() => metadataKey(pem)).toThrow(
      'Cannot use a key of type ec for a channel: machines verify Ed25519 only',
    );
  });

  test('when too few signed its root', async () => {
    const keys = testKeys();
    await expect(
      makeRoot({ keys: channelKeys(keys), expiresAt: testNow + day, signers: keys.root.slice(0, 1) }),
    ).rejects.toMatchObject({
      code: 'CHANNEL_ROOT_UNSIGNED',
      message: 'Cannot make a root for the channel: root.json: root was signed by 1/2 keys',
    });
  });
});
