import { expect, test } from '@jest/globals';
import { ownerImagePattern, parsePublishedPorts, volumePattern } from './container.ts';

test.each([
  ['8080:80', { first: 8080, last: 8080, protocol: 'tcp' }],
  ['53:53/udp', { first: 53, last: 53, protocol: 'udp' }],
  ['127.0.0.1:8080:80', { first: 8080, last: 8080, protocol: 'tcp' }],
  ['[::1]:8080:80', { first: 8080, last: 8080, protocol: 'tcp' }],
  ['8000-8002:9000-9002', { first: 8000, last: 8002, protocol: 'tcp' }],
  ['80', undefined],
  ['8000-8002:9000', undefined],
  ['8002-8000:80-82', undefined],
  ['65536:80', undefined],
  ['80:0', undefined],
  ['80:80/icmp', undefined],
  ['$(reboot):80', undefined],
])('the ports %s', (text, found) => {
  expect(parsePublishedPorts(text)).toEqual(found);
});

test.each([
  ['data:/var/lib/data', true],
  ['data:/var/lib/data:ro', true],
  ['/home/shop:/shop:rw', true],
  ['data', false],
  ['/data', false],
  ['./data:/data', false],
  ['/home/../etc:/etc', false],
  ['data:/data:z,ro', false],
  ['-v:/data', false],
  ['data:/a b:ro', true],
])('the volume %s', (text, isOne) => {
  expect(volumePattern.test(text)).toBe(isOne);
});

test.each([
  ['nginx', true],
  ['registry.example.org:5000/team/web:1.0', true],
  [`ghcr.io/team/web@sha256:${'a'.repeat(64)}`, true],
  ['[fd00::1]:5000/web', true],
  ['--privileged', false],
  ['web latest', false],
  ['', false],
])('the image %s', (text, isOne) => {
  expect(ownerImagePattern.test(text)).toBe(isOne);
});
