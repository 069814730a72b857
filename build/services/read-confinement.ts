import { join } from 'node:path';
import { z } from 'zod';
import type { FaultList } from '../errors/fault-list.ts';
import { checkShape } from '../recipe/check-shape.ts';
import { schemaRules } from '../recipe/schema-walk.ts';
import { readYamlSource, type YamlSource } from '../recipe/yaml-source.ts';
import { capabilityNames } from './capability-names.ts';
import { readSource } from './read-file-requests.ts';
import type { ServiceDefinition } from './service-definition.ts';
import type { ServiceFile } from './service-schema.ts';

/** Those that crun (1.21, libcrun/seccomp.c) knows; NOTIFY would need a program on the machine that answers. */
const actionSchema = z.enum(
  ['ALLOW', 'ERRNO', 'KILL', 'KILL_PROCESS', 'KILL_THREAD', 'LOG', 'TRACE', 'TRAP'].map(
    (name) => `SCMP_ACT_${name}`,
  ),
);
const comparisonSchema = z.enum(
  ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'].map((name) => `SCMP_CMP_${name}`),
);

/** JSON in JavaScript has no larger whole numbers; another one would be compared on the machine than stands in the file. */
const valueSchema = z.int().min(0);
schemaRules.add(valueSchema, { hint: 'compare the lower bits that matter, by SCMP_CMP_MASKED_EQ' });

const conditionSchema = z.looseObject({
  arches: z.array(z.string()).optional(),
  caps: z.array(z.enum(capabilityNames)).optional(),
});

/** Docker's format; keys that it has beside these are of no use here. */
const seccompSchema = z.looseObject({
  defaultAction: actionSchema,
  defaultErrnoRet: z.int().optional(),
  syscalls: z.array(
    z.looseObject({
      names: z.array(z.string()).min(1),
      action: actionSchema,
      args: z
        .array(
          z.looseObject({
            index: z.int().min(0).max(5),
            value: valueSchema,
            valueTwo: valueSchema.optional(),
            op: comparisonSchema,
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
  const fallback = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [] };
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
