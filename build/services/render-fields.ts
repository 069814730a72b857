import type { FaultList } from '../errors/fault-list.ts';
import { renderTemplate, type ServiceTemplateContext } from '../recipe/render-template.ts';
import type { YamlPath, YamlSource } from '../recipe/yaml-source.ts';
import type { PublishedPort, ServiceDefinition } from './service-definition.ts';
import type { ServiceFile } from './service-schema.ts';

type RenderedFields = Pick<
  ServiceDefinition,
  'command' | 'environment' | 'health' | 'workloads' | 'lifeline' | 'ports'
>;

/** Fills in the templates in the fields of a service. */
export function renderFields(
  file: ServiceFile,
  source: YamlSource,
  context: ServiceTemplateContext,
  faults: FaultList,
): RenderedFields {
  const render = (text: string, path: YamlPath) =>
    faults.catch(() => renderTemplate(text, context, source.place(path)));
  const renderList = (texts: readonly string[], path: YamlPath) =>
    texts.map((text, index) => render(text, [...path, index]) ?? '');
  const renderCommand = (key: 'workloads' | 'lifeline') => {
    const asked = file[key];
    return asked === undefined ? undefined : { command: renderList(asked.command, [key, 'command']) };
  };
  const ports = file.ports.flatMap((text, index) => {
    const rendered = render(text, ['ports', index]);
    const port = rendered === undefined ? undefined : parsePort(rendered);
    if (rendered !== undefined && port === undefined) {
      faults.add({
        code: 'PORT_INVALID',
        message: `Cannot use "${rendered}" as a port`,
        place: source.place(['ports', index]),
        hint: 'write a number from 1 to 65535 and the protocol: 22/tcp or 123/udp',
      });
    }
    return port ?? [];
  });
  return {
    command: renderList(file.command ?? [], ['command']),
    environment: Object.fromEntries(
      Object.entries(file.environment)
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([name, text]) => [name, render(text, ['environment', name]) ?? '']),
    ),
    health:
      file.health === undefined
        ? undefined
        : { ...file.health, command: renderList(file.health.command, ['health', 'command']) },
    workloads: renderCommand('workloads'),
    lifeline: renderCommand('lifeline'),
    ports,
  };
}

function parsePort(text: string): PublishedPort | undefined {
  const [, digits, protocol] = /^([1-9][0-9]{0,4})\/(tcp|udp)$/.exec(text) ?? [];
  const port = Number(digits);
  return port <= 65535 && (protocol === 'tcp' || protocol === 'udp') ? { port, protocol } : undefined;
}
