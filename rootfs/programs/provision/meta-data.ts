import { type Fault, firstFaults } from './fault.ts';
import { isHostname } from './user-data.ts';
import { YamlReader } from './yaml-reader.ts';

export interface MetaData {
  readonly instanceId: string | undefined;
  readonly hostname: string | undefined;
  readonly faults: readonly Fault[];
}

/** NoCloud's `meta-data`, https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html. Never throws. */
export function readMetaData(text: string): MetaData {
  try {
    const yaml = new YamlReader('meta-data', text);
    const fields = yaml.fields(yaml.root);
    const instanceId = yaml.text(fields.get('instance-id'));
    const hostname = yaml.text(fields.get('local-hostname'));
    return {
      instanceId: instanceId === undefined || instanceId.length > 256 ? undefined : instanceId,
      hostname: hostname !== undefined && isHostname(hostname) ? hostname : undefined,
      faults: firstFaults(yaml.faults),
    };
  } catch {
    return {
      instanceId: undefined,
      hostname: undefined,
      faults: [{ file: 'meta-data', message: 'it is nested too deeply' }],
    };
  }
}
