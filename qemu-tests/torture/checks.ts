import type { Guest } from '../support/guest.ts';
import { waitFor, within } from '../support/wait-for.ts';
import type { TorturedMachine } from './power.ts';

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
    hostKeys: await guest.run('cat /var/lib/keelson/services/sshd/etc-ssh-keys/*.pub'),
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

/** What the machine says of an update. */
interface Said {
  readonly phase: string;
  readonly version?: string;
  readonly reasons?: unknown;
}

/** By a new login: a connection to a machine that is gone looks alive for long. */
async function askState(guest: Guest): Promise<Said> {
  guest.disconnect();
  const told = await within(15_000, guest.run('keelctl update status --json'), 'no answer');
  return (JSON.parse(told) as { state: Said }).state;
}

/**
 * The update comes to its end; `askAgain` when nobody but a person can begin it anew. The serial line tells when: asking over
 * SSH all the time takes the processor from what is waited for.
 */
export async function waitUntilCommitted(
  { guest, serialLog }: Pick<TorturedMachine, 'guest' | 'serialLog'>,
  version: string,
  askAgain: string | undefined,
  deadlineMs: number,
): Promise<void> {
  const isResting = ({ phase, version: what }: Said) =>
    phase === 'idle' || (phase === 'committed' && what !== version);
  const isOver = ({ phase, version: what }: Said) =>
    phase === 'rolled-back' || (phase === 'committed' && what === version);
  // What a person asked for is not resumed: the machine comes to rest first, and only then can it be asked again.
  const isUndecided = ({ phase }: Said) =>
    askAgain !== undefined && (phase === 'checking' || phase === 'downloading');
  const waitForState = (isWanted: (state: Said) => boolean, what: string, forMs: number) =>
    waitFor(
      async () => {
        const found = await askState(guest);
        if (isWanted(found)) return found;
        throw new Error(JSON.stringify(found));
      },
      { what, deadlineMs: forMs },
    );
  let state = await waitForState((each) => !isUndecided(each), 'an update that goes on or rests', deadlineMs);
  if (isResting(state) && askAgain !== undefined)
    await guest.run(`(${askAgain} >/dev/null 2>&1 </dev/null &)`);
  if (!isOver(state)) {
    guest.disconnect();
    const seen = `version ${version.replaceAll('.', '\\.')} (is well and is kept|was tried and left)`;
    await waitFor(
      async () => {
        const log = await serialLog();
        if (new RegExp(seen).test(log)) return true;
        throw new Error(log.slice(-300));
      },
      { what: `version ${version} to be kept`, deadlineMs },
    );
    state = await waitForState(isOver, 'the verdict to be on record', 60_000);
  }
  if (state.phase !== 'committed') throw new Error(`version ${version} was left: ${JSON.stringify(state)}`);
}

/** All boots of the version were lost to power cuts; the record says how many there were. */
export async function waitUntilLeft(guest: Guest, version: string): Promise<void> {
  await waitFor(
    async () => {
      const { phase, version: what, reasons } = await askState(guest);
      const reason = /started 3 times and came to no verdict|never came as far as its services/;
      if (phase === 'rolled-back' && what === version && reason.test(String(reasons))) return true;
      throw new Error(JSON.stringify({ phase, version: what, reasons }));
    },
    { what: `version ${version} to be on record as left`, deadlineMs: 120_000 },
  );
}
