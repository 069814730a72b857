import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FaultsError, KeelsonError } from '../errors/keelson-error.ts';
import { bytesOf } from '../rootfs/byte-source.ts';
import type { ByteSource } from '../rootfs/tree.ts';
import type { Workshop } from '../tools/workshop.ts';
import { makeApparmorPolicy, policyHeadLines } from './apparmor-policy.ts';
import type { ServiceDefinition } from './service-definition.ts';

/**
 * What the kernel can mediate: Debian's package `apparmor` has it for Debian's kernel, and so it is locked like every tool. A
 * machine test compares it with /sys/kernel/security/apparmor/features.
 */
export const apparmorFeatures = '/usr/share/apparmor-features/features';

const sourceFile = 'policy';
const binaryFile = 'policy.bin';

/**
 * A service's AppArmor policy as the kernel takes it, by one write to /sys/kernel/security/apparmor/.replace; `undefined` when it
 * has none. The machine needs no parser.
 */
export async function compilePolicy(
  workshop: Workshop,
  service: ServiceDefinition,
): Promise<ByteSource | undefined> {
  const text = makeApparmorPolicy(service);
  if (text === undefined) return undefined;
  const tools = await workshop.openTools('confine');
  const { folder } = await workshop.store.step(
    {
      title: `AppArmor policy of ${service.name}`,
      moduleUrl: import.meta.url,
      inputs: { text, tools: tools.id },
    },
    async (folder) => {
      await writeFile(join(folder, sourceFile), text);
      await tools
        .run({ file: '/usr/sbin/apparmor_parser', arguments: parserArguments(folder), writable: [folder] })
        .catch((error: unknown) => {
          throw explainRules(service, error);
        });
    },
  );
  return bytesOf(await readFile(join(folder, binaryFile)));
}

function parserArguments(folder: string): readonly string[] {
  return [
    '--skip-kernel-load',
    '--skip-cache',
    '--policy-features',
    apparmorFeatures,
    '--kernel-features',
    apparmorFeatures,
    '--ofile',
    join(folder, binaryFile),
    join(folder, sourceFile),
  ];
}

/** The parser names a line of the whole policy. */
function explainRules(service: ServiceDefinition, error: unknown): unknown {
  if (!(error instanceof KeelsonError) || typeof service.apparmor === 'string') return error;
  const { path, rules } = service.apparmor;
  const [, digits, reason] = /at line (\d+): (.*)/.exec(error.message) ?? [];
  const line = digits === undefined ? undefined : Math.max(Number(digits) - policyHeadLines, 1);
  const sourceLine = line === undefined ? undefined : rules.split('\n')[line - 1];
  return new FaultsError([
    new KeelsonError({
      code: 'APPARMOR_RULES_INVALID',
      class: 'input',
      message: `Cannot use the AppArmor rules of "${service.name}": ${reason?.trim() ?? error.message}`,
      place: {
        file: path,
        ...(line === undefined ? {} : { line, column: 1 }),
        ...(sourceLine === undefined ? {} : { sourceLine }),
      },
      hint: 'write rules as apparmor.d(5) has them, without the profile around them and without #include',
    }),
  ]);
}
