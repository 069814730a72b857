import { expect, test } from '@jest/globals';
import { makeFakeDevice } from '../testing/fake-device.ts';
import { noteVerdictTold, verdictHeader } from './verdict-header.ts';

const record = {
  at: 7,
  event: 'rolled-back',
  fromVersion: '1',
  version: '2',
  source: { kind: 'other-slot' },
};
const machine = (...history: object[]) =>
  makeFakeDevice({ files: { '/var/lib/keelson/update/history.json': JSON.stringify(history) } });

test('the newest verdict, with its reasons, until a server has heard it', () => {
  const reasons = ['container web is restarting (exit code 1)'];
  const device = machine({ ...record, reasons }, { ...record, at: 8, event: 'staged', reasons: [] });
  expect(verdictHeader(device)).toBe(
    'Keelson-Verdict: rolled-back; version=2; from=1; reason="container web is restarting (exit code 1)"',
  );
  noteVerdictTold(device);
  expect(verdictHeader(device)).toBeUndefined();
});

test('nothing has happened: nothing is told', () => {
  expect(verdictHeader(machine())).toBeUndefined();
});

test('what a header cannot hold is replaced, and it has an end', () => {
  const reasons = [`a "quote"\r\nCookie: x \u00e4 ${'y'.repeat(1000)}`];
  const header = verdictHeader(machine({ ...record, event: 'refused', code: 'BUNDLE_OLD', reasons })) ?? '';
  expect(header).toMatch(/; reason="BUNDLE_OLD; a 'quote'\?\?Cookie: x \? y+"$/);
  expect(header.length).toBeLessThan(400);
});
