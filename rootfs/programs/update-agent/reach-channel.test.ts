import { expect, test } from '@jest/globals';
import { makeFakeDevice } from '../testing/fake-device.ts';
import { runUpdateAgent } from './run-update-agent.ts';

function reach(url: string, answer: { exitCode: number; stdout: string }) {
  const machine = makeFakeDevice({
    arguments: ['reach'],
    files: { '/usr/lib/update/settings.json': JSON.stringify({ url, channel: 'stable' }) },
    commands: [() => answer],
  });
  return { code: runUpdateAgent(machine), errors: machine.errorsPrinted, run: machine.commandsRun };
}

test('the channel answers', () => {
  const { code, run } = reach('https://example.org', { exitCode: 0, stdout: '200' });
  expect(code).toBe(0);
  expect(run[0]).toMatch(/^curl .* https:\/\/example.org\/stable\/timestamp.json$/);
});

test.each([
  ['https://example.org', { exitCode: 7, stdout: '000' }, 'the channel does not answer (curl ended with 7)'],
  ['https://example.org', { exitCode: 0, stdout: '503' }, 'the channel does not answer (HTTP 503)'],
  ['', { exitCode: 0, stdout: '' }, 'this machine has no channel'],
])('%s %j: no', (url, answer, words) => {
  expect(reach(url, answer)).toMatchObject({ code: 1, errors: [words] });
});
