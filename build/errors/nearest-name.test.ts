import { expect, test } from '@jest/globals';
import { editDistance, nearestName, suggestName } from './nearest-name.ts';

test.each([
  ['', 'abc', 3],
  ['sshd', 'sshd', 0],
  ['sshd', 'ssdh', 1],
  ['sshd', 'sshdd', 1],
  ['kitten', 'sitting', 3],
])('from %j to %j are %i edits', (left, right, distance) => {
  expect(editDistance(left, right)).toBe(distance);
});

test.each([
  ['ssdh', ['sshd', 'time'], 'sshd'],
  ['readonly', ['readOnly'], 'readOnly'],
  ['slot', ['slotSize', 'size'], 'slotSize'],
  ['NET_ADMIN', ['CAP_NET_ADMIN', 'CAP_CHOWN'], 'CAP_NET_ADMIN'],
  ['c', ['a', 'b'], undefined],
  ['nginx', ['sshd', 'time'], undefined],
  ['net', ['network', 'netlog'], undefined],
])('%j is near %j: %j', (name, candidates, expected) => {
  expect(nearestName(name, candidates)).toBe(expected);
});

test('a hint names the nearest, or what there is', () => {
  expect(suggestName('ssdh', ['time', 'sshd'], 'services')).toBe('did you mean "sshd"?');
  expect(suggestName('nginx', ['time', 'sshd'], 'services')).toBe('use one of the services: sshd, time');
  expect(suggestName('nginx', [], 'services')).toBe('there are no services yet');
  const many = Array.from({ length: 20 }, (_, index) => `name${10 + index}`);
  expect(suggestName('x', many, 'names')).toMatch(/^use one of the names: name10, .*, name21, …$/);
});
