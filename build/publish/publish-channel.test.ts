import { describe, expect, test } from '@jest/globals';
import { day, memoryDestination, testBundle, testChange, testNow, testOptions } from './channel-fixtures.ts';
import { publishChannel, refreshChannel } from './publish-channel.ts';

describe('publish', () => {
  test('the timestamp is the last file that is written', async () => {
    const destination = memoryDestination();
    const bundle = testBundle('2026.11.1');
    const publication = await publishChannel(await testOptions({ destination }), {
      ...testChange,
      bundles: [bundle],
    });
    expect(destination.writes).toEqual([
      `bundles/${bundle.sha256}.raucb`,
      'stable/1.root.json',
      'stable/1.targets.json',
      'stable/1.snapshot.json',
      'stable/history.json',
      'stable/timestamp.json',
    ]);
    expect(publication.versions).toEqual({ root: 1, timestamp: 1, snapshot: 1, targets: 1 });
    expect(publication.expiresAt).toBe(testNow + 7 * day);
  });

  test('a refresh renews the timestamp only', async () => {
    const destination = memoryDestination();
    const options = await testOptions({ destination });
    await publishChannel(options, { ...testChange, bundles: [testBundle('2026.11.1')] });
    destination.writes.length = 0;
    const later = { ...options, now: testNow + day };
    const publication = await refreshChannel(later, { isOlderAllowed: false });
    expect(destination.writes).toEqual(['stable/history.json', 'stable/timestamp.json']);
    expect(publication.versions).toEqual({ root: 1, timestamp: 2, snapshot: 1, targets: 1 });
  });
});
