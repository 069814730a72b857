import { describe, expect, test } from '@jest/globals';
import {
  memoryDestination,
  testBundle,
  testChange,
  testKeys,
  testOptions,
  testRoot,
} from '../../../../build/publish/channel-fixtures.ts';
import { publishChannel } from '../../../../build/publish/publish-channel.ts';
import { openTrust, signedAtOf, type TrustedIndex } from './trusted-index.ts';

/** What a machine kept of a channel with one release. */
async function keep(): Promise<{ root: string; kept: TrustedIndex }> {
  const options = await testOptions({ destination: memoryDestination() });
  const { record } = await publishChannel(options, { ...testChange, bundles: [testBundle('2026.11.1')] });
  return { root: options.roots[0] as string, kept: JSON.parse(record) };
}

const fieldsOf = ({ trusted }: { trusted: TrustedIndex }) => Object.keys(trusted).sort().join(' ');
const all = 'channel format root snapshot targets timestamp';
const rootOnly = 'channel format root';

describe('what a machine kept of its channel', () => {
  test('is used again', async () => {
    const { root, kept } = await keep();
    const opened = openTrust({ imageRoot: root, channel: 'stable', kept: JSON.stringify(kept) });
    expect(opened).toEqual({ trusted: kept, notes: [] });
    expect(signedAtOf(opened.trusted)).toBeGreaterThan(0);
  });

  test('is nothing at first', async () => {
    const { root } = await keep();
    const opened = openTrust({ imageRoot: root, channel: 'stable' });
    expect(fieldsOf(opened)).toBe(rootOnly);
    expect(signedAtOf(opened.trusted)).toBe(0);
  });

  test('brings a newer root than the image, and yields to a newer one in the image', async () => {
    const { root, kept } = await keep();
    const same = await testRoot(testKeys({ root: 'second' }), { text: root, keys: testKeys() });
    const newer = openTrust({
      imageRoot: root,
      channel: 'stable',
      kept: JSON.stringify({ ...kept, root: same }),
    });
    expect(newer.trusted.root).toBe(same);
    const image = openTrust({ imageRoot: same, channel: 'stable', kept: JSON.stringify(kept) });
    expect(image.trusted.root).toBe(same);
    expect(fieldsOf(image)).toBe(all);
  });

  test('is forgotten when the image brings new keys', async () => {
    const { root, kept } = await keep();
    const rotated = await testRoot(testKeys({ timestamp: 'second' }), { text: root, keys: testKeys() });
    const opened = openTrust({ imageRoot: rotated, channel: 'stable', kept: JSON.stringify(kept) });
    expect(fieldsOf(opened)).toBe(rootOnly);
    expect(opened.notes).toEqual(['the image brought new keys']);
  });

  test('is forgotten when the machine changes its channel, but for the keys', async () => {
    const { root, kept } = await keep();
    const opened = openTrust({ imageRoot: root, channel: 'beta', kept: JSON.stringify(kept) });
    expect(opened).toEqual({
      trusted: { format: 1, channel: 'beta', root },
      notes: ['the channel was stable before'],
    });
  });

  test.each<[string, (kept: TrustedIndex) => string, string]>([
    ['no JSON', () => '{', 'the kept index is damaged: '],
    ['null', () => 'null', 'the kept index is damaged: another format'],
    [
      'a later format',
      (kept) => JSON.stringify({ ...kept, format: 2 }),
      'the kept index is damaged: another format',
    ],
    [
      'a number as text',
      (kept) => JSON.stringify({ ...kept, targets: 5 }),
      'the kept index is damaged: another format',
    ],
    [
      'a changed file',
      (kept) =>
        JSON.stringify({ ...kept, timestamp: kept.timestamp?.replace('"version":1}', '"version":9}') }),
      'the kept index is damaged: timestamp.json: timestamp was signed by 0/1 keys',
    ],
  ])('is forgotten when it is damaged: %s', async (_name, damage, note) => {
    const { root, kept } = await keep();
    const opened = openTrust({ imageRoot: root, channel: 'stable', kept: damage(kept) });
    expect(fieldsOf(opened)).toBe(rootOnly);
    expect(opened.notes[0]).toContain(note);
  });

  test('counts for nothing when the image itself is broken', () => {
    expect(() => openTrust({ imageRoot: '{}', channel: 'stable' })).toThrow('root.json: ');
  });
});
