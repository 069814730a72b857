import { expect, test } from '@jest/globals';
import { makeDeviceRules } from './device-rules.ts';

const none = { allow: false, access: 'rwm' };

test.each([
  ['none', [], [none]],
  ['all', 'all', [{ allow: true, access: 'rwm' }]],
  [
    'those with fixed numbers by these, and none may be made',
    ['/dev/kmsg', '/dev/net/tun', '/dev/ttyS1', '/dev/dri/renderD128'],
    [
      none,
      { allow: true, type: 'c', major: 1, minor: 11, access: 'rw' },
      { allow: true, type: 'c', major: 10, minor: 200, access: 'rw' },
      { allow: true, type: 'c', major: 4, minor: 65, access: 'rw' },
      { allow: true, type: 'c', major: 226, minor: 128, access: 'rw' },
    ],
  ],
  ['one whose number differs from machine to machine', ['/dev/vda'], [none, { allow: true, access: 'rw' }]],
  // Its number would be that of /dev/ttyS0.
  ['one beyond the table', ['/dev/tty64'], [none, { allow: true, access: 'rw' }]],
] as const)('%s', (_, devices, rules) => {
  expect(makeDeviceRules(devices)).toEqual(rules);
});
