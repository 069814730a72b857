import { z } from 'zod';
import {
  parsePublishedPorts,
  restartPolicies,
  startName,
  startWords,
  variableName,
  variableValue,
  volumePattern,
} from '../contract/container.ts';
import { imageSchema } from '../services/service-schema.ts';
import { nameSchema, pathSchema, relativePathSchema } from '../services/slice-schema.ts';
import { schemaRules } from './schema-walk.ts';

const startNameSchema = z.string().regex(startName, startWords.name);

const portsSchema = z
  .string()
  .refine((text) => parsePublishedPorts(text) !== undefined, startWords.port)
  .describe('[ADDRESS:]PORT:PORT[/udp], or the same with ranges, as in Compose');
schemaRules.add(portsSchema, {
  code: 'PORT_INVALID',
  hint: 'write "8080:80": on the machine, in the container',
});

const volumeSchema = z
  .string()
  .regex(volumePattern, startWords.volume)
  .describe('NAME:PATH or PATH:PATH, with :ro where it is only read');
schemaRules.add(volumeSchema, {
  code: 'PATH_INVALID',
  hint: 'write "data:/var/lib/data" for a volume, "/home/shop:/shop:ro" for a folder of the machine',
});

const preloadSchema = z
  .boolean()
  .default(true)
  .describe('Images are built into the disk image; false: the machine pulls what the lockfile names');
const engineSchema = nameSchema.optional().describe('The service that starts it, where a recipe has several');
const disabledSchema = z.boolean().default(false).describe('Leave out one of an extended recipe');

/** An entry of `containers`. */
export const containerSchema = z.strictObject({
  name: startNameSchema,
  image: imageSchema.optional(),
  preload: preloadSchema,
  command: z.array(z.string()).default([]).describe('In place of what the image says'),
  environment: z
    .record(
      z.string().regex(variableName, 'the name of a variable'),
      z.string().regex(variableValue, startWords.value),
    )
    .default({})
    .describe('Readable in the image: no secrets'),
  environmentFile: pathSchema
    .optional()
    .describe('Lines NAME=value in a file of the machine, such as one that user-data writes: for secrets'),
  ports: z.array(portsSchema).default([]),
  volumes: z.array(volumeSchema).default([]),
  restart: z.enum(restartPolicies).default('unless-stopped'),
  engine: engineSchema,
  disabled: disabledSchema,
});

/** An entry of `compose`. */
export const projectSchema = z.strictObject({
  name: startNameSchema.describe('Of the Compose project'),
  file: relativePathSchema.optional().describe('The Compose file, beside the recipe'),
  key: relativePathSchema.optional().describe('Public key that its images must be signed by; cosign'),
  authorities: relativePathSchema
    .optional()
    .describe('Certificates that its registries may be known by, PEM'),
  preload: preloadSchema,
  engine: engineSchema,
  disabled: disabledSchema,
});

export type ContainerEntry = z.output<typeof containerSchema>;
export type ProjectEntry = z.output<typeof projectSchema>;
