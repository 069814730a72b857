import type { Guest } from '../support/guest.ts';
import { waitFor } from '../support/wait-for.ts';

/** What must be the same after any number of power cuts. */
export interface Kept {
  readonly hostKeys: string;
  /** SHA-256 of a file on state. */
  readonly fileSha256: string;
  /** Hexadecimal, by version. */
  readonly rootHashes: Readonly<Record<string, string>>;
}

export interface Returned {
  readonly version: string;
  readonly slot: string;
  /** Slots that the initramfs did not take. */
  readonly refused: readonly { readonly partition: string; readonly reason: string }[];
}

const keptFile = '/root/kept';

/** A file that was on the disk before the power went, and all that makes this machine itself. */
export async function writeKept(guest: Guest, rootHashes: Kept['rootHashes']): Promise<Kept> {
  await guest.run(`dd if=/dev/urandom of=${keptFile} bs=64k count=16 2>/dev/null && sync`);
  return { rootHashes, ...(await readKept(guest)) };
}

async function readKept(guest: Guest): Promise<Pick<Kept, 'hostKeys' | 'fileSha256'>> {
  return {
    hostKeys: await guest.run('cat /etc/ssh/keys/*.pub'),
    fileSha256: (await guest.run(`sha256sum ${keptFile}`)).split(' ')[0] ?? '',
  };
}

/** A machine that can be reached: it runs a version that it may run, all of its root verifies, and its state is as it was. */
export async function checkReturned(guest: Guest, kept: Kept | undefined): Promise<Returned> {
  const boot = JSON.parse(await guest.run('cat /run/keelson/boot.json')) as Returned & { rootHash: string };
  const { version, slot, refused } = boot;
  if (!/^\/dev\/dm-0 \/ erofs ro/m.test(await guest.run('cat /proc/mounts'))) {
    throw new Error('the root is not what dm-verity checks');
  }
  // Reads every block of it past the cache's memory of this boot, so that each is checked.
  await guest.run('dd if=/dev/dm-0 of=/dev/null bs=1M 2>/dev/null');
  const state = JSON.parse(await guest.run('cat /run/keelson/state.json')) as { kind?: string };
  if (state.kind !== 'disk') throw new Error(`the state is not on the disk: ${JSON.stringify(state)}`);
  if (kept !== undefined) {
    if (kept.rootHashes[version] !== boot.rootHash)
      throw new Error(`version ${version} has another root hash`);
    const now = await readKept(guest);
    if (now.fileSha256 !== kept.fileSha256) throw new Error('the file on state is not what it was');
    if (now.hostKeys !== kept.hostKeys) throw new Error('the host keys are not what they were');
  }
  return { version, slot, refused };
}

/** The update comes to its end; `askAgain` when nobody but a person can begin it anew. */
export async function waitUntilCommitted(
  guest: Guest,
  version: string,
  askAgain: string | undefined,
  deadlineMs: number,
): Promise<void> {
  let isAsked = false;
  const phase = await waitFor(
    async () => {
      // A connection to a machine that is gone looks alive for long.
      const found = await within(15_000, guest.run('keelctl update status --json')).catch((error: Error) => {
        guest.disconnect();
        throw error;
      });
      const { state } = JSON.parse(found) as {
        state: { phase: string; version?: string; reasons?: unknown };
      };
      if (state.phase === 'committed' && state.version === version) return state.phase;
      if (state.phase === 'rolled-back') return JSON.stringify(state);
      const isIdle = state.phase === 'idle' || state.phase === 'committed';
      if (isIdle && askAgain !== undefined && !isAsked) {
        await guest.run(`(${askAgain} >/dev/null 2>&1 </dev/null &)`);
        isAsked = true;
      }
      guest.disconnect();
      throw new Error(JSON.stringify(state));
    },
    { what: `version ${version} to be kept`, deadlineMs },
  );
  if (phase !== 'committed') throw new Error(`version ${version} was left: ${phase}`);
}

async function within<Value>(ms: number, promised: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), ms);
  });
  try {
    return await Promise.race([promised, late]);
  } finally {
    clearTimeout(timer);
  }
}
