import { type LogLine, levels } from '../shared/log-line.ts';

/** What stands in each line beside the line. */
export interface Sender {
  readonly hostname: string;
  readonly machineId: string;
  readonly bootId: string;
  /** Milliseconds since the epoch. */
  readonly bootedAt: number;
}

const facilities = { kernel: 0, daemon: 3 } as const;
const byteOrderMark = '\ufeff';

/** RFC 5424, 6. The number goes into the parameter that is made for it (7.3.1), which ends at 2147483647. */
export function formatSyslog(line: LogLine, { hostname }: Sender): string {
  const facility = line.stream === 'kernel' ? facilities.kernel : facilities.daemon;
  const priority = facility * 8 + severityOf(line);
  const id = ((line.seq - 1) % 2_147_483_647) + 1;
  // 6.4: text that is not plain ASCII is told by a byte order mark.
  const mark = /[\u0080-\uffff]/.test(line.message) ? byteOrderMark : '';
  const words = [
    `<${priority}>1`,
    line.time,
    printable(hostname, 255),
    printable(line.service, 48),
    '-',
    line.stream,
    `[meta sequenceId="${id}"]`,
    `${mark}${line.message}`,
  ];
  return words.join(' ');
}

/** RFC 6587, 3.4.1, and RFC 5425, 4.3: the length in bytes, then the message. */
export function frameSyslog(message: string): string {
  return `${countBytes(message)} ${message}`;
}

export function formatJson(line: LogLine, { hostname, machineId }: Sender): string {
  return `${JSON.stringify({ ...line, host: hostname, machineId })}\n`;
}

/** https://systemd.io/JOURNAL_EXPORT_FORMATS/; a message of ours has no newline. */
export function formatJournal(line: LogLine, { hostname, machineId, bootId, bootedAt }: Sender): string {
  const at = Date.parse(line.time);
  const fields = [
    `__REALTIME_TIMESTAMP=${at * 1000}`,
    `__MONOTONIC_TIMESTAMP=${Math.max(Math.round(at - bootedAt), 0) * 1000}`,
    `_BOOT_ID=${bootId.replaceAll('-', '')}`,
    `_HOSTNAME=${hostname}`,
    `_MACHINE_ID=${machineId}`,
    `SYSLOG_IDENTIFIER=${printable(line.service, 255)}`,
    `PRIORITY=${severityOf(line)}`,
    `_TRANSPORT=${line.stream === 'stderr' ? 'stdout' : line.stream}`,
    `KEELSON_STREAM=${line.stream}`,
    `KEELSON_SEQ=${line.seq}`,
    `MESSAGE=${line.message.replaceAll('\n', ' ')}`,
  ];
  return `${fields.join('\n')}\n\n`;
}

function severityOf({ level = 'info' }: LogLine): number {
  return levels.indexOf(level);
}

/** PRINTUSASCII of RFC 5424; `-` for nothing. */
function printable(text: string, longest: number): string {
  return text.replace(/[^\x21-\x7e]/g, '').slice(0, longest) || '-';
}

/** In UTF-8. */
export function countBytes(text: string): number {
  let count = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    count += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return count;
}
