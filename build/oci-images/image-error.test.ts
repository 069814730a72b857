import { expect, test } from '@jest/globals';
import { KeelsonError } from '../errors/keelson-error.ts';
import { asImageError } from './image-error.ts';
import type { ImageRequest } from './image-request.ts';

const place = { file: '/recipe.yaml', line: 3 };
const request: ImageRequest = {
  reference: 'unauthorized.example/not-found:1',
  source: {
    kind: 'registry',
    registry: 'unauthorized.example',
    repository: 'not-found',
    tag: '1',
    digest: undefined,
  },
  place,
  key: undefined,
  authorities: undefined,
};

/** As the tools themselves said it, skopeo 1.18 and cosign 2.5. */
test.each([
  [
    'time="2026-11-21T15:14:38Z" level=fatal msg="Error parsing image name \\"docker://x\\": reading manifest 1 in unauthorized.example/not-found: manifest unknown"',
    'IMAGE_NOT_FOUND',
    'reading manifest 1 in unauthorized.example/not-found: manifest unknown',
  ],
  [
    'time="2026-11-21T15:14:38Z" level=fatal msg="reading manifest 1 in unauthorized.example/not-found: authentication required"',
    'IMAGE_ACCESS_DENIED',
    'reading manifest 1 in unauthorized.example/not-found: authentication required',
  ],
  [
    'time="2026-11-21T15:14:38Z" level=fatal msg="pinging container registry x: Get \\"https://x/v2/\\": tls: failed to verify certificate: x509: certificate signed by unknown authority"',
    'REGISTRY_UNTRUSTED',
    'pinging container registry x: Get "https://x/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
  ],
  [
    'time="2026-11-21T15:14:38Z" level=fatal msg="pinging container registry x: dial tcp 127.0.0.1:1: connect: connection refused"',
    'REGISTRY_UNREACHABLE',
    'pinging container registry x: dial tcp 127.0.0.1:1: connect: connection refused',
  ],
  ['error during command execution: something\u001b[2Jelse', 'IMAGE_UNREADABLE', 'something [2Jelse'],
])('what a tool says becomes an error: %s', (line, code, reason) => {
  const failure = new KeelsonError({
    code: 'TOOL_FAILED',
    class: 'environment',
    message: `Cannot run x: exit code 1\n  ${line}`,
  });
  expect(asImageError(request, failure)).toMatchObject({
    code,
    message: `Cannot use the image ${request.reference}: ${reason}`,
    place,
  });
});

test('anything else goes on its way', () => {
  const error = new Error('no');
  expect(asImageError(request, error)).toBe(error);
});
