import { expect, test } from '@jest/globals';
import { listeningPorts } from './listening-ports.ts';

const header =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const row = (index: number, local: string, remote: string, state: string) =>
  `   ${index}: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 1 1\n`;

test('TCP that listens, and UDP that is connected to nobody; a port for both IPs counts once', () => {
  const tables = [
    {
      name: 'tcp' as const,
      text:
        header +
        row(0, '00000000:0016', '00000000:0000', '0A') +
        row(1, '0F02000A:0016', '0202000A:D431', '01'),
    },
    {
      name: 'tcp6' as const,
      text: header + row(0, `${'0'.repeat(32)}:0016`, `${'0'.repeat(32)}:0000`, '0A'),
    },
    {
      name: 'udp' as const,
      text:
        header +
        row(11, '0F02000A:0044', '00000000:0000', '07') +
        row(12, '0F02000A:A001', '0302000A:007B', '01'),
    },
    { name: 'udp6' as const, text: '' },
  ];
  expect(listeningPorts(tables)).toEqual(['tcp 22', 'udp 68']);
});
