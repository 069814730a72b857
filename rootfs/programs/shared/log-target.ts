import { machineLayout } from '../../../build/contract/machine-layout.ts';

/** Where the log is sent to. */
export interface LogTarget {
  /** As its owner wrote it; its mark is kept under this name. */
  readonly url: string;
  readonly format: 'syslog' | 'json' | 'journal';
  readonly transport: 'udp' | 'tcp' | 'tls' | 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** With its slash; of HTTP only. */
  readonly path: string;
  /** Certificates in PEM, instead of the public authorities. */
  readonly authority?: string;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string;
}

/** Written by provisioning, for the service `log-forward` alone; missing when there is nothing to send. */
export const logTargetsFile = `${machineLayout.runtime}/log-forward/targets.json`;

const kinds = {
  'syslog+udp': { format: 'syslog', transport: 'udp', port: 514 },
  'syslog+tcp': { format: 'syslog', transport: 'tcp', port: 514 },
  'syslog+tls': { format: 'syslog', transport: 'tls', port: 6514 },
  'json+http': { format: 'json', transport: 'http', port: 80 },
  'json+https': { format: 'json', transport: 'https', port: 443 },
  'journal+http': { format: 'journal', transport: 'http', port: 19532 },
  'journal+https': { format: 'journal', transport: 'https', port: 19532 },
} as const satisfies Record<string, Pick<LogTarget, 'format' | 'transport' | 'port'>>;

export const logTargetSchemes = Object.keys(kinds);

/** `undefined` for what is no such URL. QuickJS has no URL; a name has nothing in it that a shell, socat or curl would read. */
export function parseLogTarget(url: string): LogTarget | undefined {
  const [, scheme = '', host = '', port, path = ''] =
    /^([a-z+]+):\/\/([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{1,5}))?(\/[A-Za-z0-9._~/?&=%+-]*)?$/.exec(
      url,
    ) ?? [];
  if (!Object.hasOwn(kinds, scheme)) return undefined;
  const kind = kinds[scheme as keyof typeof kinds];
  const number = port === undefined ? kind.port : Number(port);
  if (number < 1 || number > 65535 || host.startsWith('-')) return undefined;
  if (kind.format === 'syslog' && path !== '' && path !== '/') return undefined;
  return { url, ...kind, host, port: number, path: path === '' ? '/' : path };
}
