import { expect, test } from '@jest/globals';
import { mergeSettings } from './merge-settings.ts';

const image = JSON.stringify({
  'live-restore': true,
  'exec-opts': ['native.cgroupdriver=cgroupfs'],
  runtimes: { keelson: { runtimeType: 'io.containerd.runc.v2' } },
});

test("the owner's settings are over the image's; tables have the entries of both", () => {
  const owner = { 'live-restore': false, mtu: 1450, runtimes: { other: { path: '/opt/other' } } };
  expect(JSON.parse(mergeSettings(image, JSON.stringify(owner)))).toEqual({
    'live-restore': false,
    'exec-opts': ['native.cgroupdriver=cgroupfs'],
    mtu: 1450,
    runtimes: { keelson: { runtimeType: 'io.containerd.runc.v2' }, other: { path: '/opt/other' } },
  });
});

test('the service finds what it looks for when the machine stops', () => {
  expect(mergeSettings(image, '{}')).toContain('"live-restore": true');
});

test.each([
  ['{ "mtu": ', /^Cannot read the settings of user-data: /],
  ['[]', 'Cannot read the settings of user-data: they are no JSON object'],
  ['', /^Cannot read the settings of user-data: /],
])('what is no object is refused: %j', (owner, message) => {
  expect(() => mergeSettings(image, owner)).toThrow(message);
});
