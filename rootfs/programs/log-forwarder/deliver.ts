import type { Device } from '../device.ts';
import type { LogLine } from '../shared/log-line.ts';
import type { LogTarget } from '../shared/log-target.ts';
import { formatJournal, formatJson, formatSyslog, frameSyslog, type Sender } from './log-formats.ts';

/** For one batch, with connecting. */
const patienceSeconds = 20;
const connectSeconds = 5;
const publicAuthorities = '/run/authorities.pem';

const contentTypes = { json: 'application/x-ndjson', journal: 'application/vnd.fdo.journal' } as const;

/** Sends lines to a target; the reason when it did not work. */
export function deliver(
  device: Device,
  target: LogTarget,
  lines: readonly LogLine[],
  sender: Sender,
): string | undefined {
  switch (target.transport) {
    case 'udp':
      // A datagram for each: socat makes one of what it reads at once.
      for (const line of lines) {
        const fault = runWith(device, makeSocat(target), formatSyslog(line, sender));
        if (fault !== undefined) return fault;
      }
      return undefined;
    case 'tcp':
    case 'tls':
      return runWith(
        device,
        makeSocat(target, writeAuthority(device, target)),
        lines.map((line) => frameSyslog(formatSyslog(line, sender))).join(''),
      );
    case 'http':
    case 'https': {
      const format = target.format === 'journal' ? formatJournal : formatJson;
      const body = lines.map((line) => format(line, sender)).join('');
      return runWith(device, makeCurl(device, target), body);
    }
  }
}

function makeSocat({ transport, host, port }: LogTarget, authority = ''): readonly string[] {
  const name = host.replace(/^\[|\]$/g, '');
  const address = {
    udp: `UDP-SENDTO:${host}:${port}`,
    tcp: `TCP:${host}:${port},connect-timeout=${connectSeconds}`,
    tls: `OPENSSL:${host}:${port},connect-timeout=${connectSeconds},verify=1,cafile=${authority},commonname=${name}`,
    http: '',
    https: '',
  }[transport];
  return ['socat', '-u', '-b', '65536', 'STDIN', address];
}

/** The token is in a file: the command line is everybody's to see. */
function makeCurl(device: Device, target: LogTarget): readonly string[] {
  const { transport, host, port, path, format, token } = target;
  const settings = `${filesFolder}/curl.conf`;
  device.writeFile(settings, token === undefined ? '' : `header = "Authorization: Bearer ${token}"\n`, 0o600);
  return [
    'curl',
    '--config',
    settings,
    '--silent',
    '--show-error',
    '--fail',
    '--max-time',
    String(patienceSeconds),
    '--connect-timeout',
    String(connectSeconds),
    ...(transport === 'https' ? ['--cacert', writeAuthority(device, target)] : []),
    '--header',
    `Content-Type: ${contentTypes[format === 'journal' ? 'journal' : 'json']}`,
    '--data-binary',
    '@-',
    `${transport}://${host}:${port}${path}`,
  ];
}

const filesFolder = '/run';

function writeAuthority(device: Device, { authority }: LogTarget): string {
  if (authority === undefined) return publicAuthorities;
  const path = `${filesFolder}/target-authority.pem`;
  device.writeFile(path, authority, 0o600);
  return path;
}

function runWith(device: Device, command: readonly string[], input: string): string | undefined {
  const { exitCode, stderr } = device.run(['timeout', String(patienceSeconds + 5), ...command], { input });
  if (exitCode === 0) return undefined;
  const lines = stderr.trim().split('\n');
  // socat says what it does after an error, too.
  const told = lines.find((line) => / E /.test(line)) ?? lines.at(-1);
  return told?.slice(0, 200) || `${command[0]} ended with ${exitCode}`;
}
