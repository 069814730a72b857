import { expect, test } from '@jest/globals';
import { makeFakeDevice } from '../testing/fake-device.ts';
import { setClock } from './set-clock.ts';

test.each([
  ['a lost clock is set to the build time', 0, ['date -u -s @1700000000']],
  ['a clock after the build is believed', 1_700_000_001_000, []],
])('%s', (_name, now, commands) => {
  const device = makeFakeDevice({
    now,
    files: { '/usr/lib/keelson/engine.json': JSON.stringify({ format: 1, builtAt: 1_700_000_000 }) },
  });
  setClock(device);
  expect(device.commandsRun).toEqual(commands);
});
