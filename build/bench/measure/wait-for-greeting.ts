import { connect, type Socket } from 'node:net';

/** Between two tries, and how many may hang at once. */
const intervalMs = 1000;
const mostAtOnce = 4;
const longestTryMs = 8000;

/**
 * Until an SSH server greets (RFC 4253, section 4.2) at a port of 127.0.0.1. QEMU accepts a connection before the guest has a
 * network, and then asks the guest again in growing intervals: so a new try begins each second, and the first greeting counts.
 */
export async function waitForGreeting(
  port: number,
  { deadlineMs, signal }: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const open = new Set<Socket>();
  let timer: NodeJS.Timeout | undefined;
  const startedAt = performance.now();
  try {
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      const look = (): void => {
        if (performance.now() - startedAt > deadlineMs)
          reject(new Error(`no SSH server greeted within ${deadlineMs / 1000} s`));
        else if (open.size < mostAtOnce) tryOnce(port, open, resolve);
      };
      look();
      timer = setInterval(look, intervalMs);
    });
  } finally {
    clearInterval(timer);
    for (const socket of open) socket.destroy();
  }
}

function tryOnce(port: number, open: Set<Socket>, onGreeting: () => void): void {
  const socket = connect({ port, host: '127.0.0.1', timeout: longestTryMs });
  open.add(socket);
  socket.setEncoding('latin1');
  socket.on('data', (text) => {
    if (String(text).startsWith('SSH-')) onGreeting();
  });
  // Refused, cut off or silent: the next try will tell.
  socket.on('error', () => undefined);
  socket.on('timeout', () => socket.destroy());
  socket.on('close', () => open.delete(socket));
}
