import { describe, expect, test } from '@jest/globals';
import { parseBundleManifest, writeBundleManifest } from './bundle-manifest.ts';

describe('manifest', () => {
  const manifest = {
    compatible: 'demo-x86-64',
    version: '2026.11.1',
    sequence: 202611000001,
    channel: 'stable',
    image: { sha256: 'ab'.repeat(32), sizeBytes: 8192 },
    verity: { rootHash: 'cd'.repeat(32), salt: 'ef'.repeat(32), treeSizeBytes: 4096 },
  };
  const text = writeBundleManifest(manifest);

  test('reads back', () => expect(parseBundleManifest(text)).toEqual(manifest));

  test.each<[string, (text: string) => string]>([
    ['its manifest has no compatible in [update]', (text) => text.replace(/compatible=.*\n/, '')],
    [
      'its manifest has a strange compatible in [update]: "../x"',
      (text) => text.replace('=demo-x86-64', '=../x'),
    ],
    ['its manifest has a strange format in [bundle]: "plain"', (text) => text.replace('=verity', '=plain')],
    [
      'its manifest has "hooks/filename", which Keelson never writes',
      (text) => `${text}[hooks]\nfilename=x\n`,
    ],
    [
      'its manifest has "image.b/filename", which Keelson never writes',
      (text) => `${text}[image.b]\nfilename=x\n`,
    ],
    ['its sequence 1 is not that of version 2026.11.1', (text) => text.replace('202611000001', '1')],
    [
      'its manifest says version twice in [update]',
      (text) => text.replace('version=', 'version=1\nversion='),
    ],
    ['its manifest has a line that is none: "nonsense"', (text) => `${text}nonsense\n`],
  ])('%s', (words, change) => {
    expect(() => parseBundleManifest(change(text))).toThrow(words);
  });
});
