import type { Device } from '../device.ts';
import type { Medium } from '../shared/update/update-record.ts';

/** The disk that holds a file, by this process's mounts; `undefined` when the file lies on none. */
export function findMedium(device: Device, path: string): Medium | undefined {
  const mounts = (device.readFile('/proc/self/mountinfo') ?? '').split('\n').flatMap(readMount);
  const holding = mounts.filter(({ target }) => target === '/' || path.startsWith(`${target}/`));
  // Of two on one folder the later one is seen.
  const mount = holding.reduce<Mount | undefined>(
    (best, each) => (best === undefined || each.target.length >= best.target.length ? each : best),
    undefined,
  );
  if (mount === undefined || !mount.source.startsWith('/dev/')) return undefined;
  const { source, fileSystem, isReadOnly, root, target } = mount;
  const below = target === '/' ? path : path.slice(target.length);
  return { device: source, fileSystem, isReadOnly, path: root === '/' ? below : `${root}${below}` };
}

interface Mount {
  /** Folder of the file system that is mounted. */
  readonly root: string;
  readonly target: string;
  readonly fileSystem: string;
  readonly source: string;
  readonly isReadOnly: boolean;
}

/** proc_pid_mountinfo(5): `36 35 98:0 /root /target options … - vfat /dev/sda1 rw,…`. */
function readMount(line: string): Mount[] {
  const [left = '', right = ''] = line.split(' - ');
  const [, , , root, target] = left.split(' ').map(unescapeSpaces);
  const [fileSystem, source, options = ''] = right.split(' ').map(unescapeSpaces);
  if (root === undefined || target === undefined || fileSystem === undefined || source === undefined) {
    return [];
  }
  return [{ root, target, fileSystem, source, isReadOnly: options.split(',').includes('ro') }];
}

function unescapeSpaces(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
