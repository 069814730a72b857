import { expect, test } from '@jest/globals';
import { explainFailure } from './explain-failure.ts';

/** Left: what RAUC 1.13 said on a machine. */
test.each([
  ['signature verification failed: Verify error: certificate has expired', 'BUNDLE_SIGNER_EXPIRED'],
  ['signature verification failed: Verify error: certificate revoked', 'BUNDLE_SIGNER_REVOKED'],
  ['signature verification failed: Verify error: unable to get local issuer certificate', 'BUNDLE_UNSIGNED'],
  ["Compatible mismatch: Expected 'demo' but bundle manifest has 'x'", 'BUNDLE_INCOMPATIBLE'],
  ['Invalid bundle format: Signature size (18330034295891154329) exceeds bundle size', 'BUNDLE_DAMAGED'],
  ['Slot (1 bytes) is too small for image (2 bytes).', 'BUNDLE_TOO_LARGE'],
  ['Installation error: read failed: Input/output error', 'BUNDLE_DAMAGED'],
])('refused: %s', (message, code) => {
  expect(explainFailure(undefined, `LastError: ${message}`, true)).toMatchObject({ kind: 'refused', code });
});

test('a server that stalls is no fault of the bundle', () => {
  const output = 'update: the server sends nothing any more\nLastError: Input/output error';
  expect(explainFailure(undefined, output, true)).toEqual({
    kind: 'failed',
    code: 'SERVER_STALLED',
    message: 'the server stopped sending (Input/output error)',
  });
});

test('a server that stalls while the bundle is judged is no bundle that is damaged', () => {
  const output = 'update: the server sends nothing any more\nLastError: Pre-install handler error';
  const judged = {
    offered: { compatible: 'x', version: '1', sequence: 1, imageSha256: 'ab' },
    refusal: { code: 'BUNDLE_DAMAGED', message: 'cannot be read', isAlarm: true },
  } as const;
  expect(explainFailure(judged, output, true)).toMatchObject({ kind: 'failed', code: 'SERVER_STALLED' });
  expect(explainFailure(judged, output, false)).toMatchObject({ kind: 'refused', code: 'BUNDLE_DAMAGED' });
});

test('nor is one that breaks off', () => {
  const output = 'request failed (no more retries)\nLastError: Input/output error';
  expect(explainFailure(undefined, output, true)).toMatchObject({
    kind: 'failed',
    code: 'SERVER_BROKE_OFF',
  });
});

test('what the handler said counts before what RAUC makes of it', () => {
  const refusal = { code: 'BUNDLE_DOWNGRADE', message: 'it is older', isAlarm: false } as const;
  const offered = { compatible: 'x', version: '2026.11.0', sequence: 1, imageSha256: '' };
  expect(explainFailure({ offered, refusal }, 'LastError: handler failed', false)).toEqual({
    kind: 'refused',
    code: 'BUNDLE_DOWNGRADE',
    message: 'it is older',
  });
});

test('anything else is a failure in its own words', () => {
  expect(explainFailure(undefined, 'D-Bus went away\n', false)).toEqual({
    kind: 'failed',
    code: 'INSTALL_FAILED',
    message: 'D-Bus went away',
  });
});
