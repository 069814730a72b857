import { join } from 'node:path';
import { z } from 'zod';
import type { FaultList } from '../errors/fault-list.ts';
import { checkShape } from '../recipe/check-shape.ts';
import { readYamlSource, type YamlSource } from '../recipe/yaml-source.ts';
import { readSource } from './read-file-requests.ts';
import type { ServiceDefinition } from './service-definition.ts';
import type { ServiceFile } from './service-schema.ts';

const conditionSchema = z.looseObject({
  arches: z.array(z.string()).optional(),
  caps: z.array(z.string()).optional(),
});

/** Docker's format; keys that it has beside these are of no use here. */
const seccompSchema = z.looseObject({
  defaultAction: z.string(),
  defaultErrnoRet: z.int().optional(),
  syscalls: z.array(
    z.looseObject({
      names: z.array(z.string()).min(1),
      action: z.string(),
      args: z
        .array(
          z.looseObject({
            index: z.int(),
            value: z.number(),
            valueTwo: z.number().optional(),
            op: z.string(),
          }),
        )
        .nullish(),
      errnoRet: z.int().optional(),
      includes: conditionSchema.optional(),
      excludes: conditionSchema.optional(),
    }),
  ),
});

/** A service's own seccomp profile; JSON is YAML, so its faults have places too. */
export async function readSeccomp(
  choice: ServiceFile['seccomp'],
  source: YamlSource,
  faults: FaultList,
): Promise<ServiceDefinition['seccomp']> {
  if (typeof choice === 'string') return choice;
  const text = await readSource(choice.source, source, source.place(['seccomp', 'source']), faults);
  const profile =
    text === undefined ? undefined : await readYamlSource(join(source.folder, choice.source), faults);
  if (profile === undefined) return 'default';
  const fallback = { defaultAction: '-', syscalls: [] };
  return checkShape(profile, seccompSchema, fallback, faults)?.value ?? 'default';
}

/** Its own AppArmor rules; only the parser can check them, which the build does. */
export async function readApparmor(
  choice: ServiceFile['apparmor'],
  source: YamlSource,
  faults: FaultList,
): Promise<ServiceDefinition['apparmor']> {
  if (typeof choice === 'string') return choice;
  const text = await readSource(choice.source, source, source.place(['apparmor', 'source']), faults);
  return text === undefined
    ? 'default'
    : { path: join(source.folder, choice.source), rules: text.toString('utf8') };
}
