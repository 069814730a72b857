import { mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { BuildHost } from '../host/build-host.ts';
import { writeDurably } from '../host/write-durably.ts';
import { digestOf } from '../store/canonical-json.ts';

/**
 * What this computer published last to a place: a destination that was set back to an older state is not signed anew.
 * `$XDG_STATE_HOME/keelson/channels/…`; a computer without it (a fresh CI runner) goes by what it finds.
 */
export function recordPath(
  host: Pick<BuildHost, 'environmentVariable'>,
  destination: string,
  channel: string,
): string {
  const state = host.environmentVariable('XDG_STATE_HOME') ?? '';
  const home = host.environmentVariable('HOME') || homedir();
  const base = isAbsolute(state) ? state : join(home, '.local', 'state');
  const name = `${channel}-${digestOf(destination).slice(0, 16)}.json`;
  return join(base, 'keelson', 'channels', name);
}

export async function readRecord(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: { code?: string }) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

export async function writeRecord(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeDurably(path, { content: text });
}
