import { expect, test } from '@jest/globals';
import type { CommandOutcome } from '../device.ts';
import { makeFakeDevice } from '../testing/fake-device.ts';
import { askServer } from './ask-server.ts';

const url = 'http://updates.example.org/x.raucb';

function ask(outcome: Partial<CommandOutcome>, body = 'hsqs', sizeBytes?: number) {
  const device = makeFakeDevice({
    commands: [
      () => {
        device.writeFile('/run/update/answer-of-server', body);
        return outcome;
      },
    ],
  });
  return askServer(device, url, sizeBytes);
}

test('a server that knows ranges is taken', () => {
  expect(ask({ stdout: '206 bytes 0-3/40000000' }, 'hsqs', 40_000_000)).toBeUndefined();
});

test.each([
  [{ exitCode: 63, stdout: '200 ' }, 'SERVER_WITHOUT_RANGES'],
  [{ stdout: '200 ' }, 'SERVER_WITHOUT_RANGES'],
  [{ stdout: '206 ' }, 'SERVER_WITHOUT_RANGES'],
  [{ stdout: '206 bytes 4096-8191/40000000' }, 'SERVER_WITHOUT_RANGES'],
  [{ exitCode: 28, stdout: '000 ' }, 'SERVER_STALLED'],
  [{ exitCode: 7, stdout: '000 ', stderr: 'curl: (7) refused' }, 'SERVER_UNREACHABLE'],
  [{ stdout: '404 ' }, 'SERVER_REFUSED'],
])('%j: %s', (outcome, code) => {
  expect(ask(outcome)).toMatchObject({ kind: 'failed', code });
});

test('another size than the channel says', () => {
  expect(ask({ stdout: '206 bytes 0-3/40000000' }, 'hsqs', 41_000_000)).toEqual({
    kind: 'refused',
    code: 'BUNDLE_FOREIGN',
    message: "the server's file has 40000000 bytes, and the channel says 41000000",
  });
});

test('something that is no bundle', () => {
  expect(ask({ stdout: '206 bytes 0-3/40000000' }, '<htm')).toMatchObject({ code: 'BUNDLE_DAMAGED' });
});
