import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

type PeerEntry =
  | { readonly path: string; readonly mode?: number }
  | { readonly path: string; readonly mode?: number; readonly text: string }
  | { readonly path: string; readonly target: string };

/** A folder comes before what is in it. */
function peerEntries(publicKey: string, round: number): PeerEntry[] {
  const network = `# Round ${round}.\n[Match]\nType=ether\n\n[Network]\nDHCP=yes\n`;
  const wanted = 'etc/systemd/system/multi-user.target.wants';
  return [
    { path: 'etc' },
    { path: 'etc/hostname', text: 'peer\n' },
    { path: 'etc/systemd' },
    { path: 'etc/systemd/network' },
    { path: 'etc/systemd/network/80-ethernet.network', text: network },
    { path: 'etc/systemd/system' },
    { path: wanted },
    // As `systemctl enable` does it.
    {
      path: `${wanted}/systemd-networkd.service`,
      target: '/usr/lib/systemd/system/systemd-networkd.service',
    },
    // The server refuses keys in a folder that others may write to.
    { path: 'root', mode: 0o700 },
    { path: 'root/.ssh', mode: 0o700 },
    { path: 'root/.ssh/authorized_keys', mode: 0o600, text: `${publicKey}\n` },
  ];
}

/**
 * The files that a person adds to either peer's image: its name, its network, and who may log in. Made anew in `folder`, to be copied to
 * the root of the image; another `round` changes one of them.
 */
export async function writePeerFiles(folder: string, publicKey: string, round: number): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
  for (const entry of peerEntries(publicKey, round)) {
    const path = join(folder, entry.path);
    if ('target' in entry) {
      await symlink(entry.target, path);
      continue;
    }
    if ('text' in entry) await writeFile(path, entry.text);
    else await mkdir(path);
    await chmod(path, entry.mode ?? ('text' in entry ? 0o644 : 0o755));
  }
}
