import { z } from 'zod';
import { lockfileFormat } from './lockfile.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 digest in lower-case hexadecimal');
const suite = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'must be the name of a Debian suite');
const date = z.iso.datetime('must be a date and time, such as 2026-09-12T07:55:41.000Z');

/** Lockfiles are input: a path in one becomes part of an URL, a name part of messages. */
const lockedPackage = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9+.-]{1,127}$/, 'must be the name of a Debian package'),
  version: z.string().regex(/^[0-9A-Za-z.+~:-]{1,127}$/, 'must be a version of a Debian package'),
  architecture: z.enum(['amd64', 'arm64', 'all']),
  archive: z.enum(['debian', 'debian-security']),
  suite,
  path: z
    .string()
    .regex(
      /^pool(?:\/(?!\.{1,2}\/)[0-9A-Za-z.+~:_%-]+)+\.deb$/,
      'must be a path below pool/ that ends in .deb',
    ),
  sizeBytes: z
    .int()
    .positive()
    .max(4 * 1024 ** 3),
  sha256,
});

const lockedGroup = z.strictObject({
  requested: z.array(z.string()),
  packages: z.array(z.string()),
});

const lockedImage = z.strictObject({
  image: z.string().min(1).max(1024),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be a digest, sha256:…'),
  manifestSha256: sha256,
  manifestBytes: z
    .int()
    .positive()
    .max(4 * 1024 ** 2),
});

/** `recipe.lock.json`; the type is `Lockfile`. */
export const lockfileSchema = z.strictObject({
  format: z.literal(lockfileFormat),
  recipe: z.string(),
  requestDigest: sha256,
  archives: z.record(suite, date),
  groups: z.record(
    z.string().regex(/^(?:base|initramfs|kernel|service\/[a-z0-9-]+)$/, 'is no group'),
    lockedGroup,
  ),
  images: z
    .record(
      z
        .string()
        .regex(
          /^(?:[a-z][a-z0-9-]{0,31}|container\/[a-z0-9_-]{1,63}|compose\/[a-z0-9_-]{1,63}\/[A-Za-z0-9._-]{1,128})$/,
          'is no service and no container',
        ),
      lockedImage,
    )
    .optional(),
  packages: z.record(z.string(), lockedPackage),
});
