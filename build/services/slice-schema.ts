import { z } from 'zod';
import { schemaRules } from '../recipe/schema-walk.ts';
import { sizePattern } from '../recipe/size.ts';

/** Parts that recipes, services and layers share. What follows "expected" in a fault is the message given here. */

export const nameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, 'a name of at most 32 small letters, digits and dashes')
  .describe('Name: small letters, digits and dashes');

export const descriptionSchema = z
  .string()
  .regex(/^[^\r\n]{1,200}$/, 'one line of at most 200 characters')
  .describe('One line for people');

export const normalisedPath = /^(?:\/(?!\.{1,2}(?:\/|$))[^/\p{Cc}]+)+$/u;
const pathWords = 'an absolute path without ".", ".." and doubled or trailing slashes';

export const pathSchema = z.string().regex(normalisedPath, pathWords);
schemaRules.add(pathSchema, {
  code: 'PATH_INVALID',
  hint: 'write the path from the root, such as /etc/motd',
});

/** The same, or the root itself. */
export const folderPathSchema = z
  .string()
  .regex(/^(?:\/|(?:\/(?!\.{1,2}(?:\/|$))[^/\p{Cc}]+)+)$/u, pathWords);
schemaRules.add(folderPathSchema, {
  code: 'PATH_INVALID',
  hint: 'write the path from the root, such as /var/lib',
});

export const relativePathSchema = z
  .string()
  .regex(/^(?!\.{1,2}(?:\/|$))[^/\p{Cc}]+(?:\/(?!\.{1,2}(?:\/|$))[^/\p{Cc}]+)*$/u, {
    error: 'a relative path without "." and ".."',
  });
schemaRules.add(relativePathSchema, {
  code: 'PATH_INVALID',
  hint: 'keep the file in the folder of the YAML file and name it from there',
});

export const sizeSchema = z.string().regex(sizePattern, 'a size such as 64MiB');
schemaRules.add(sizeSchema, { code: 'SIZE_INVALID', hint: 'write a whole number and KiB, MiB, GiB or TiB' });

const debianName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9+.-]{1,127}$/, 'a Debian package name (small letters, digits, + . -)');

export const suiteSchema = z.string().regex(/^[a-z][a-z0-9.-]{0,63}$/, 'a Debian suite such as trixie');

export const packageSchema = z.union([
  debianName,
  z.strictObject({
    name: debianName,
    suite: suiteSchema.optional().describe('Only where the suites of the recipe do not have the version'),
  }),
]);

const modeSchema = z.union([
  z.string().regex(/^(?:0o?)?[0-7]{3,4}$/, 'an octal mode such as 0644'),
  z.int().min(0).max(7777),
]);
schemaRules.add(modeSchema, { code: 'MODE_INVALID', hint: 'write three or four octal digits: 0644' });

const idSchema = z.int().min(0).max(65535);

/** Exactly one of source, content, link, program, folder; which is checked by `readFileRequests`. */
export const fileSchema = z.union([
  pathSchema.describe('Path, or glob (* **), taken from the packages'),
  z.strictObject({
    path: pathSchema.describe('Where the file is on the machine'),
    source: relativePathSchema
      .optional()
      .describe('File beside the YAML file; a Handlebars template when it ends in .hbs'),
    content: z.string().optional().describe('The content itself'),
    link: z
      .string()
      .regex(/^[^\p{Cc}]{1,4095}$/u, 'the target of a link')
      .optional()
      .describe('Target of a symbolic link'),
    program: nameSchema.optional().describe('Device program of rootfs/programs/, bundled for QuickJS'),
    folder: z.literal(true).optional().describe('An empty folder'),
    mode: modeSchema.optional().describe('Octal; 0644 for files, 0755 for folders when left out'),
    uid: idSchema.optional(),
    gid: idSchema.optional(),
  }),
]);

export type FileEntry = z.output<typeof fileSchema>;
export type PackageEntry = z.output<typeof packageSchema>;

export const accountSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'an account name of at most 32 small letters, digits, _ and -'),
  uid: z.int().min(1).max(65535),
  gid: z.int().min(1).max(65535).optional().describe('The uid when left out'),
  home: folderPathSchema.default('/nonexistent'),
  shell: pathSchema.default('/usr/sbin/nologin'),
});

export const sliceShape = {
  packages: z.array(packageSchema).default([]).describe('Debian packages to take files from'),
  files: z.array(fileSchema).default([]).describe('Files; libraries and interpreters they need are added'),
  accounts: z.array(accountSchema).default([]).describe('Accounts of the machine'),
};
