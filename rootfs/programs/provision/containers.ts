import {
  type ContainerRequest,
  ownerImagePattern,
  parsePublishedPorts,
  type RestartPolicyName,
  restartPolicies,
  startName,
  startWords,
  variableName,
  variableValue,
  volumePattern,
} from '../../../build/contract/container.ts';
import type { Found, YamlReader } from './yaml-reader.ts';

type NoteUnused = (fields: ReadonlyMap<string, Found>, used: readonly string[], prefix: string) => void;

const keys = ['name', 'image', 'command', 'environment', 'ports', 'volumes', 'restart'] as const;
const mostContainers = 200;

/** `containers`, as in recipes. One with anything wrong is left out: half of what it needs may do harm. */
export function readContainers(
  yaml: YamlReader,
  found: Found | undefined,
  noteUnused: NoteUnused,
): readonly ContainerRequest[] {
  const containers = new Map<string, ContainerRequest>();
  for (const item of yaml.items(found, mostContainers)) {
    const faultsBefore = yaml.faults.length;
    const fields = yaml.fields(item);
    noteUnused(fields, keys, `${item.name}.`);
    const container = readContainer(yaml, item, fields);
    if (container === undefined || yaml.faults.length > faultsBefore) continue;
    if (containers.has(container.name)) {
      yaml.fault(fields.get('name') ?? item, `${item.name}.name is that of another one; the last one counts`);
    }
    containers.set(container.name, container);
  }
  return [...containers.values()];
}

function readContainer(
  yaml: YamlReader,
  item: Found,
  fields: ReadonlyMap<string, Found>,
): ContainerRequest | undefined {
  /** Texts of a list, each as it must be. */
  const texts = (key: string, isRight: (text: string) => boolean, words: string) =>
    yaml.items(fields.get(key)).flatMap((each) => {
      const text = yaml.text(each);
      if (text !== undefined && !isRight(text)) yaml.fault(each, `${each.name} must be ${words}`);
      return text ?? [];
    });
  const one = (key: string, isRight: (text: string) => boolean, words: string) => {
    const place = fields.get(key);
    const text = yaml.text(place);
    if (text === undefined) yaml.fault(item, `${item.name} needs ${key}`);
    else if (!isRight(text)) yaml.fault(place ?? item, `${place?.name} must be ${words}`);
    return text;
  };
  const name = one('name', (text) => startName.test(text), startWords.name);
  const image = one('image', (text) => ownerImagePattern.test(text), 'the reference of an image');
  const policy = yaml.text(fields.get('restart')) ?? 'unless-stopped';
  // In YAML 1.1 `no` is false, and 2222:22 is a number.
  const restart = policy === 'false' ? 'no' : policy;
  if (!isRestartPolicy(restart)) {
    const place = fields.get('restart') ?? item;
    yaml.fault(place, `${place.name} must be one of ${restartPolicies.join(', ')}`);
    return undefined;
  }
  const command = texts('command', (text) => !text.includes('\0'), 'text');
  const environment = readEnvironment(yaml, fields.get('environment'));
  const ports = texts(
    'ports',
    (text) => parsePublishedPorts(text) !== undefined,
    `${startWords.port}, in quotes`,
  );
  const volumes = texts('volumes', (text) => volumePattern.test(text), startWords.volume);
  if (name === undefined || image === undefined) return undefined;
  return { name, image, command, environment, ports, volumes, restart };
}

function isRestartPolicy(text: string): text is RestartPolicyName {
  return (restartPolicies as readonly string[]).includes(text);
}

/** A mapping, or a list of `NAME=value`, as Compose has it. */
function readEnvironment(yaml: YamlReader, found: Found | undefined): Readonly<Record<string, string>> {
  if (found === undefined) return {};
  const pairs = yaml.isMapping(found)
    ? [...yaml.fields(found)].map(([name, value]) => ({ place: value, name, value: yaml.text(value) ?? '' }))
    : yaml.items(found).map((item) => {
        const text = yaml.text(item) ?? '';
        const equals = text.indexOf('=');
        return { place: item, name: text.slice(0, Math.max(equals, 0)), value: text.slice(equals + 1) };
      });
  const variables: Record<string, string> = {};
  for (const { place, name, value } of pairs) {
    // Never the value itself: it may be secret.
    if (!variableName.test(name))
      yaml.fault(place, `${found.name} needs NAME: value, or NAME=value in a list`);
    else if (!variableValue.test(value)) yaml.fault(place, `${place.name} must be ${startWords.value}`);
    else variables[name] = value;
  }
  return variables;
}
