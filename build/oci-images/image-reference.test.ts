import { describe, expect, test } from '@jest/globals';
import { manifestReference, parseImageReference } from './image-reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('parseImageReference', () => {
  test.each([
    ['docker.io/library/nginx:1.29', { registry: 'docker.io', repository: 'library/nginx', tag: '1.29' }],
    [`quay.io/org/app@${digest}`, { registry: 'quay.io', repository: 'org/app', digest }],
    [`localhost/app:1@${digest}`, { registry: 'localhost', repository: 'app', tag: '1', digest }],
    ['127.0.0.1:5000/a/b/c:latest', { registry: '127.0.0.1:5000', repository: 'a/b/c', tag: 'latest' }],
    ['[::1]:5000/app:x', { registry: '[::1]:5000', repository: 'app', tag: 'x' }],
  ])('reads %s', (text, parts) => {
    expect(parseImageReference(text, '/recipes/web')).toEqual({
      source: { kind: 'registry', tag: undefined, digest: undefined, ...parts },
    });
  });

  test.each([
    ['oci:images/web', { kind: 'layout', path: '/recipes/web/images/web', tag: undefined }],
    ['oci:/srv/images:1.0', { kind: 'layout', path: '/srv/images', tag: '1.0' }],
    ['oci-archive:web.tar:1.0', { kind: 'archive', path: '/recipes/web/web.tar', tag: '1.0' }],
  ])('reads %s', (text, source) => {
    expect(parseImageReference(text, '/recipes/web')).toEqual({ source });
  });

  test.each([
    ['nginx:1.29', 'it names no registry', 'write docker.io/library/nginx:1.29 if that is meant'],
    ['org/app:1', 'it names no registry', 'write docker.io/org/app:1 if that is meant'],
    ['quay.io/org/app', 'it names no tag and no digest', 'write quay.io/org/app:latest if that is meant'],
    [
      'quay.io/Org/app:1',
      'it is no reference of an image',
      'write registry/name:tag, registry/name@sha256:…, oci:FOLDER or oci-archive:FILE',
    ],
    [
      'quay.io/org/app@sha256:abc',
      'it is no reference of an image',
      'write registry/name:tag, registry/name@sha256:…, oci:FOLDER or oci-archive:FILE',
    ],
    [
      'quay.io/../app:1',
      'it is no reference of an image',
      'write registry/name:tag, registry/name@sha256:…, oci:FOLDER or oci-archive:FILE',
    ],
    [
      '--help/app:1',
      'it is no reference of an image',
      'write registry/name:tag, registry/name@sha256:…, oci:FOLDER or oci-archive:FILE',
    ],
  ])('refuses %s', (text, reason, hint) => {
    expect(parseImageReference(text, '/')).toEqual({ reason, hint });
  });

  test('names a manifest by its digest alone', () => {
    const source = { kind: 'registry', registry: 'quay.io', repository: 'app', tag: '1', digest } as const;
    expect(manifestReference(source, digest)).toBe(`quay.io/app@${digest}`);
  });
});
