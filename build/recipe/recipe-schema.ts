import { z } from 'zod';
import { serviceSchema } from '../services/service-schema.ts';
import {
  descriptionSchema,
  fileSchema,
  nameSchema,
  packageSchema,
  sizeSchema,
  suiteSchema,
} from '../services/slice-schema.ts';
import { containerSchema, projectSchema } from './container-schema.ts';
import { architectures, compressions, outputFormatNames } from './recipe.ts';
import { schemaRules } from './schema-walk.ts';

/** The one format of recipes that this builder reads. */
export const recipeFormat = 1;

const versionSchema = z
  .string()
  .regex(/^2[0-9]{3}\.(?:0[1-9]|1[0-2])\.(?:0|[1-9][0-9]{0,5})$/, 'a version YYYY.MM.N such as 2026.11.0')
  .describe('YYYY.MM.N, numbers only');
schemaRules.add(versionSchema, {
  code: 'RECIPE_VERSION_INVALID',
  hint: 'write year, two digits of the month and a counter: 2026.11.0 (no letters: boot loaders order them differently)',
});

const kernelArgumentSchema = z.string().regex(/^[!-~]{1,200}$/, 'one kernel argument without spaces');

const hostnameSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'a host name of small letters, digits and dashes');
schemaRules.add(hostnameSchema, { code: 'HOSTNAME_INVALID', hint: 'write the short name, without a domain' });

const headRoomSchema = z.number().min(1).max(100);

/** `recipe.yaml` as written; defaults that depend on other keys or on extended recipes are filled in later. */
export const recipeSchema = z
  .strictObject({
    format: z.literal(recipeFormat).optional().describe('Format of the recipe; 1 when left out'),
    name: nameSchema,
    version: versionSchema.optional().describe('YYYY.MM.N; that of the extended recipe when left out'),
    description: descriptionSchema.optional().describe('That of the extended recipe when left out'),
    extends: z
      .string()
      .min(1)
      .optional()
      .describe('Name of a recipe, or a path to one relative to this file; its keys are taken over'),
    architecture: z.enum(architectures).optional(),
    kernel: z
      .strictObject({
        package: packageSchema.optional().describe("Debian's cloud kernel of the architecture when left out"),
        arguments: z.array(kernelArgumentSchema).default([]).describe('Added to the kernel command line'),
      })
      .optional(),
    packages: z
      .strictObject({ suites: z.array(suiteSchema).min(1).describe('Debian suites in order of preference') })
      .optional(),
    layers: z
      .array(nameSchema)
      .min(1)
      .optional()
      .describe('Layers of the root file system; base when left out'),
    services: z
      .array(
        z.union([
          nameSchema,
          serviceSchema.extend({
            description: descriptionSchema.optional(),
            with: z.array(nameSchema).default([]).describe('Options of the service'),
            disabled: z.boolean().default(false).describe('Leave out a service of an extended recipe'),
          }),
        ]),
      )
      .default([])
      .describe(
        'System services: a name, with values; or, with an image, a whole service. Those of an extended recipe come first',
      ),
    containers: z
      .array(containerSchema)
      .default([])
      .describe("Users' containers that an engine among the services starts at boot"),
    compose: z
      .array(projectSchema)
      .default([])
      .describe('Compose projects that an engine with the option compose starts at boot'),
    files: z.array(fileSchema).default([]).describe('Files for the root of the machine'),
    hostname: hostnameSchema.optional().describe('The name of the recipe when left out'),
    users: z
      .array(
        z.strictObject({
          name: z
            .string()
            .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'a user name of at most 32 small letters, digits, _ and -'),
          uid: z.int().min(1000).max(59_999).optional().describe('From 1000 upwards when left out'),
          sshKeys: z.array(z.string()).default([]).describe('Public keys, a line of authorized_keys each'),
        }),
      )
      .default([]),
    console: nameSchema
      .optional()
      .describe(
        'Where sessions of root land when nobody says otherwise: a console that one of the services is',
      ),
    disk: z
      .strictObject({
        size: sizeSchema.optional().describe('Size of the whole disk; what the slots leave is state'),
        espSize: sizeSchema.optional(),
        slotSize: sizeSchema.optional().describe('What headRoom says when left out'),
        headRoom: headRoomSchema
          .optional()
          .describe('Size of a slot as a multiple of root and kernel; 2 when left out'),
        reserve: z
          .union([sizeSchema, z.literal('none')])
          .optional()
          .describe(
            'Left unallocated at the end of the disk, for slots that grow; twice a slot when left out',
          ),
        stateSize: sizeSchema.optional().describe('Grown up to the reserve on the machine'),
        imageBudget: sizeSchema
          .optional()
          .describe('The build fails when kernel image and root are larger together'),
        compression: z
          .enum(compressions)
          .optional()
          .describe('Of the root; lzma is a fifth smaller and slower to read; zstd when left out'),
      })
      .optional(),
    outputs: z.array(z.enum(outputFormatNames)).min(1).optional(),
  })
  .describe('A recipe of Keelson');

export type RecipeFile = z.output<typeof recipeSchema>;
