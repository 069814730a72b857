import { type LogTarget, logTargetSchemes, parseLogTarget } from '../shared/log-target.ts';
import type { Found, YamlReader } from './yaml-reader.ts';

type NoteUnused = (fields: ReadonlyMap<string, Found>, used: readonly string[], prefix: string) => void;

const mostTargets = 8;

/** `log_forward`: URLs, or mappings with one. A target with anything wrong is left out: a log must not go astray. */
export function readLogTargets(
  yaml: YamlReader,
  found: Found | undefined,
  noteUnused: NoteUnused,
): readonly LogTarget[] {
  return yaml.items(found, mostTargets).flatMap((item) => {
    if (!yaml.isMapping(item)) return readUrl(yaml, item);
    const fields = yaml.fields(item);
    noteUnused(fields, ['url', 'authority', 'token'], `${item.name}.`);
    const url = fields.get('url');
    if (url === undefined) {
      yaml.fault(item, `${item.name} needs a url`);
      return [];
    }
    const [target] = readUrl(yaml, url);
    const authority = yaml.text(fields.get('authority'));
    const token = yaml.text(fields.get('token'));
    if (target === undefined) return [];
    if (authority !== undefined && !/^-----BEGIN CERTIFICATE-----\r?\n/m.test(authority)) {
      yaml.fault(fields.get('authority') ?? item, `${item.name}.authority must be certificates in PEM`);
      return [];
    }
    if (token !== undefined && !/^[A-Za-z0-9._~+/=-]{1,4096}$/.test(token)) {
      yaml.fault(fields.get('token') ?? item, `${item.name}.token must be letters, digits and ._~+/=-`);
      return [];
    }
    if (token !== undefined && target.transport !== 'https') {
      yaml.fault(fields.get('token') ?? item, `${item.name}.token is only sent over https`);
      return [];
    }
    return [
      {
        ...target,
        ...(authority === undefined ? {} : { authority }),
        ...(token === undefined ? {} : { token }),
      },
    ];
  });
}

function readUrl(yaml: YamlReader, found: Found): readonly LogTarget[] {
  const text = yaml.text(found);
  if (text === undefined) return [];
  const target = parseLogTarget(text);
  if (target !== undefined) return [target];
  yaml.fault(
    found,
    `${found.name} must be a URL such as syslog+tls://logs.example.org (one of ${logTargetSchemes.join(', ')})`,
  );
  return [];
}

/** `rsyslog.remotes` of cloud-init: `@host:port` is UDP, `@@host:port` TCP; of the rest of rsyslog's words none. */
export function readRsyslogRemotes(
  yaml: YamlReader,
  found: Found | undefined,
  noteUnused: NoteUnused,
): readonly LogTarget[] {
  if (found === undefined) return [];
  const fields = yaml.fields(found);
  noteUnused(fields, ['remotes'], 'rsyslog.');
  const remotes = fields.get('remotes');
  if (remotes === undefined) return [];
  return [...yaml.fields(remotes).values()].flatMap((remote) => {
    const text = yaml.text(remote);
    if (text === undefined) return [];
    const [, marks, address = ''] = /^(?:\*\.\*\s+)?(@@?)?(\S+)$/.exec(text.trim()) ?? [];
    const target = parseLogTarget(`syslog+${marks === '@@' ? 'tcp' : 'udp'}://${address}`);
    if (target !== undefined) return [target];
    yaml.fault(remote, `${remote.name} must be an address such as @@logs.example.org:514`);
    return [];
  });
}
