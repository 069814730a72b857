import { z } from 'zod';
import { schemaRules } from '../recipe/schema-walk.ts';
import { capabilityNames } from './capability-names.ts';
import { startKinds } from './service-definition.ts';
import {
  descriptionSchema,
  folderPathSchema,
  nameSchema,
  pathSchema,
  relativePathSchema,
  sizeSchema,
  sliceShape,
} from './slice-schema.ts';

const commandSchema = z.array(z.string()).min(1);
const namespaceSchema = z.enum(['own', 'machine']);
const ownNamespaceSchema = namespaceSchema.default('own');
const capabilitySchema = z.enum(capabilityNames, 'a capability of Linux');
schemaRules.add(capabilitySchema, { code: 'CAPABILITY_UNKNOWN' });

const weightSchema = z.int().min(1).max(10_000).default(100);

export const signalNames = ['HUP', 'INT', 'QUIT', 'KILL', 'USR1', 'USR2', 'TERM', 'WINCH', 'PWR'] as const;
const signalSchema = z.enum(
  signalNames.flatMap((name) => [`SIG${name}`, name]),
  'a signal such as SIGTERM',
);

const portSchema = z.string();
schemaRules.add(portSchema, { code: 'PORT_INVALID', hint: 'write a number and the protocol: 22/tcp' });

const imageReferenceSchema = z.string().min(1).max(1024);
schemaRules.add(imageReferenceSchema, {
  code: 'IMAGE_REFERENCE_INVALID',
  hint: 'write registry/name:tag, registry/name@sha256:…, oci:FOLDER or oci-archive:FILE',
});

export const imageSchema = z
  .union([
    imageReferenceSchema,
    z.strictObject({
      from: imageReferenceSchema,
      key: relativePathSchema.optional().describe('Public key that the image must be signed by; cosign'),
      authorities: relativePathSchema
        .optional()
        .describe('Certificates that the registry may be known by, PEM'),
    }),
  ])
  .describe(
    'OCI image to take the root from, instead of packages: registry/name:tag, oci:PATH, oci-archive:PATH',
  );

const commandsSchema = z.array(pathSchema).default([]);
const startsSchema = z.array(z.enum(startKinds)).default([]);

/**
 * `system-services/<name>/service.yaml`; the reference for people is README.md in this folder. What an image can say too has no
 * default here.
 */
export const serviceSchema = z
  .strictObject({
    name: nameSchema,
    description: descriptionSchema,
    type: z.enum(['long-running', 'one-shot']).default('long-running'),
    ...sliceShape,
    image: imageSchema.optional(),
    layers: z.array(nameSchema).default([]).describe('Layers that become part of the root of the service'),
    command: commandSchema
      .optional()
      .describe('Program and arguments; templates; what the image says when left out'),
    environment: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of a variable'), z.string())
      .default({})
      .describe('Environment variables; templates'),
    workingFolder: folderPathSchema.optional().describe('What the image says, or / when left out'),
    user: z
      .string()
      .optional()
      .describe('root, or the name of an account; what the image says, or root when left out'),
    capabilities: z.array(capabilitySchema).default([]),
    namespaces: z
      .strictObject({
        network: ownNamespaceSchema,
        pid: ownNamespaceSchema,
        ipc: ownNamespaceSchema,
        uts: ownNamespaceSchema,
        cgroup: ownNamespaceSchema,
        user: namespaceSchema.optional().describe('own where possible, when left out'),
      })
      .prefault({}),
    mounts: z
      .array(
        z.strictObject({
          source: folderPathSchema.describe('Path on the machine'),
          target: folderPathSchema.optional().describe('Path in the container; the source when left out'),
          readOnly: z.boolean().default(true),
          recursive: z.boolean().default(false),
          propagation: z.enum(['private', 'slave', 'shared']).default('private'),
        }),
      )
      .default([]),
    devices: z
      .union([
        z.literal('all'),
        z.array(z.string().regex(/^\/dev\/[^/\p{Cc}.][^\p{Cc}]*$/u, 'a path below /dev')),
      ])
      .default([])
      .describe('Device nodes, or "all"'),
    writable: z
      .array(
        z.union([
          pathSchema,
          z.strictObject({
            path: pathSchema,
            shared: z.boolean().default(false).describe('Mounts made below it outlive the container'),
          }),
        ]),
      )
      .default([])
      .describe('Paths kept on the state partition'),
    temporary: z.array(pathSchema).default([]).describe('Paths in memory; /tmp and /run always are'),
    readOnlyRoot: z.boolean().default(true),
    newPrivileges: z.boolean().default(false),
    seccomp: z
      .union([z.enum(['default', 'unconfined']), z.strictObject({ source: relativePathSchema })])
      .default('default')
      .describe('The filter of system calls: that of Docker, none, or a file in its format'),
    apparmor: z
      .union([z.enum(['default', 'unconfined']), z.strictObject({ source: relativePathSchema })])
      .default('default')
      .describe('The AppArmor policy: made of what the service asks for, none, or a file with rules'),
    resources: z
      .strictObject({
        memory: sizeSchema.default('64MiB'),
        reserve: sizeSchema
          .optional()
          .describe(
            'Memory that is never taken from it: cgroup v2 memory.min; 8MiB, or the limit, when left out',
          ),
        pids: z.int().min(1).max(4_194_304).default(64),
        cpuWeight: weightSchema.describe('cgroup v2 cpu.weight'),
        cpus: z.number().min(0.01).max(1024).optional().describe('At most so many processors, such as 0.5'),
        ioWeight: weightSchema.describe('cgroup v2 io.weight'),
        io: z
          .strictObject({
            read: sizeSchema.optional(),
            write: sizeSchema.optional(),
            readOperations: z.int().min(1).optional(),
            writeOperations: z.int().min(1).optional(),
          })
          .optional()
          .describe('At most so much of the disk in a second'),
      })
      .prefault({}),
    restart: z
      .strictObject({
        policy: z.enum(['always', 'on-failure', 'never']).optional(),
        limit: z.int().min(1).max(255).default(10).describe('Restarts in a row before it counts as failed'),
        delaySeconds: z.int().min(1).max(300).default(1),
      })
      .prefault({}),
    condition: z
      .strictObject({
        fileNotEmpty: pathSchema.describe('Of the machine, when it starts; else the service is done at once'),
      })
      .optional()
      .describe('What a service is for that many machines have no use for; as in systemd'),
    stop: z
      .strictObject({
        signal: signalSchema.optional().describe('What the image says, or SIGTERM when left out'),
        timeoutSeconds: z.int().min(1).max(300).default(10),
      })
      .prefault({}),
    after: z.array(nameSchema).default([]).describe('Start later than these, when the recipe has them'),
    needs: z
      .array(
        z.union([
          nameSchema,
          z.strictObject({
            name: nameSchema,
            condition: z
              .enum(['ready', 'healthy'])
              .default('ready')
              .describe('healthy: when its health check has ended well'),
          }),
        ]),
      )
      .default([])
      .describe('Start when these are ready; the recipe must have them'),
    readiness: z.enum(['started', 'notify', 'finished']).optional(),
    health: z
      .strictObject({
        command: commandSchema.describe('Run in the container; 0 is healthy; templates'),
        intervalSeconds: z.int().min(1).max(86_400).default(30),
        timeoutSeconds: z.int().min(1).max(3600).default(5),
        retries: z.int().min(1).max(1000).default(3).describe('Failures in a row until it is unhealthy'),
        startPeriodSeconds: z
          .int()
          .min(0)
          .max(86_400)
          .default(0)
          .describe('Failures so soon after the start do not count'),
        startIntervalSeconds: z
          .int()
          .min(1)
          .max(3600)
          .default(2)
          .describe('Between checks until the first that ends well'),
      })
      .optional(),
    workloads: z
      .strictObject({ command: commandSchema.describe('Run in the container; JSON lines; templates') })
      .optional()
      .describe('How to list the containers of users, for an engine'),
    lifeline: z
      .strictObject({ command: commandSchema.describe('Run in the container; 0: it answers; templates') })
      .optional()
      .describe(
        'A way by which a bad version can be replaced: while on trial one of the machine must answer',
      ),
    console: z
      .strictObject({
        name: nameSchema.describe('What a person switches to'),
        start: z
          .enum(['boot', 'chosen'])
          .default('chosen')
          .describe('chosen: it runs from the time when somebody has chosen it'),
      })
      .optional()
      .describe('Sessions of root can land in its container'),
    packageFolder: pathSchema
      .optional()
      .describe('Folder of its root that holds all its packages, and what they depend on, as .deb files'),
    commands: commandsSchema.describe('Its programs that sessions find on their PATH'),
    starts: startsSchema.describe(
      'What of the recipe it starts, for an engine; it finds them in /usr/lib/containers',
    ),
    options: z
      .record(
        nameSchema,
        z
          .strictObject({
            description: descriptionSchema,
            packages: sliceShape.packages,
            files: sliceShape.files,
            commands: commandsSchema,
            starts: startsSchema,
          })
          .describe('Added to the keys of the service when a recipe asks for it'),
      )
      .default({})
      .describe('Parts that a recipe may ask for: { name: SERVICE, with: [OPTION] }'),
    modules: z
      .array(z.string().regex(/^[A-Za-z0-9_-]+$/, 'the name of a kernel module'))
      .default([])
      .describe('Kernel modules to load at boot'),
    ports: z.array(portSchema).default([]).describe('Such as 22/tcp; templates'),
    values: z
      .record(z.string(), z.unknown())
      .default({})
      .describe('Values for templates; null: must be given'),
  })
  .describe('A system service of Keelson');

export type ServiceFile = z.output<typeof serviceSchema>;

/** `rootfs/layers/<name>/layer.yaml`. */
export const layerSchema = z
  .strictObject({ name: nameSchema, description: descriptionSchema, ...sliceShape })
  .describe('A layer of the root file system of Keelson');
