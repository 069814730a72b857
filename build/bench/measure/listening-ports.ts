/** A table of proc_pid_net(5). */
export interface SocketTable {
  readonly name: 'tcp' | 'tcp6' | 'udp' | 'udp6';
  readonly text: string;
}

/** TCP_LISTEN; and TCP_CLOSE, which for UDP means: bound, and connected to nobody (include/net/tcp_states.h). */
const listeningState = { tcp: '0A', udp: '07' } as const;

/** What programs wait at for strangers, such as `tcp 22`: each once, though it may be open for IPv4 and IPv6. Sorted. */
export function listeningPorts(tables: readonly SocketTable[]): string[] {
  const found = new Map<string, number>();
  for (const { name, text } of tables) {
    const protocol = name.startsWith('tcp') ? 'tcp' : 'udp';
    for (const line of text.split('\n')) {
      const [, port = '', state] =
        /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line) ?? [];
      if (state !== listeningState[protocol]) continue;
      const number = Number.parseInt(port, 16);
      found.set(`${protocol} ${number}`, number);
    }
  }
  return [...found].sort(([one, a], [other, b]) => a - b || (one < other ? -1 : 1)).map(([name]) => name);
}
