import type { MountRequest, ServiceDefinition } from './service-definition.ts';
import { serviceStatePath } from './state-path.ts';

/** A mount of the OCI runtime specification; the order is the order in which they are made. */
export interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/**
 * What is mounted in a service's container: the usual kernel file systems, memory for /run and /tmp, writable paths from
 * the state partition, and what the service asks for. A mount that the service asks for replaces the usual one of
 * the same place; parents come before children.
 */
export function makeMounts(service: ServiceDefinition): readonly OciMount[] {
  const asked = [
    ...service.temporary.map((path) => makeTemporary(path, service)),
    ...service.writable.map((path) => makeWritable(service, path)),
    ...makeDevices(service.devices),
    ...service.mounts.map((mount) => makeBind(mount)),
  ];
  const places = new Set(asked.map(({ destination }) => destination));
  const usual = usualMounts(service).filter(({ destination }) => !isCovered(destination, places));
  return [...usual, ...makeLogMounts(service, places), ...asked].toSorted(byDepthThenPath);
}

function usualMounts(service: ServiceDefinition): readonly OciMount[] {
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=64k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=16m'],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    makeSysfs(service),
    // In a cgroup namespace of its own the container sees only its own part.
    ...(service.namespaces.cgroup === 'own'
      ? [
          {
            destination: '/sys/fs/cgroup',
            type: 'cgroup',
            source: 'cgroup',
            options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
          },
        ]
      : []),
    makeTemporary('/run', service),
    makeTemporary('/tmp', service),
  ];
}

/**
 * sysfs is that of a network, which users of the service's own do not own when it is the machine's: they cannot mount it. crun
 * (1.21) would then bind the machine's /sys by itself, writable; so it is asked for, read-only with all that is mounted below.
 */
function makeSysfs({ namespaces }: ServiceDefinition): OciMount {
  const destination = '/sys';
  return namespaces.user === 'own' && namespaces.network === 'machine'
    ? {
        destination,
        type: 'bind',
        source: '/sys',
        options: ['rbind', 'rro', 'rnosuid', 'rnoexec', 'rnodev', 'rprivate'],
      }
    : { destination, type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] };
}

/**
 * For programs that call syslog(3): /dev/log. The folder of the socket, not the socket, which is another one each time the
 * log starts. Writing to a socket is no writing to its file system; crun copies the machine's link (`copy-symlink`, crun.1).
 */
function makeLogMounts(service: ServiceDefinition, places: ReadonlySet<string>): readonly OciMount[] {
  const folder = '/run/keelson/log';
  const targets = new Set(service.mounts.map(({ target }) => target));
  return [
    ...(isCovered(folder, targets)
      ? []
      : [
          {
            destination: folder,
            type: 'bind',
            source: folder,
            options: ['bind', 'ro', 'nosuid', 'nodev', 'noexec', 'private'],
          },
        ]),
    ...(isCovered('/dev/log', places)
      ? []
      : [{ destination: '/dev/log', type: 'bind', source: '/dev/log', options: ['bind', 'copy-symlink'] }]),
  ];
}

/** It belongs to the service's user, like its writable paths. */
function makeTemporary(path: string, { user }: ServiceDefinition): OciMount {
  const mode = path === '/tmp' || path === '/var/tmp' ? '1777' : '0755';
  const owner = user.uid === 0 && user.gid === 0 ? [] : [`uid=${user.uid}`, `gid=${user.gid}`];
  return {
    destination: path,
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'nodev', `mode=${mode}`, ...owner],
  };
}

function makeWritable({ name, namespaces, sharedWritable }: ServiceDefinition, path: string): OciMount {
  return {
    destination: path,
    type: 'bind',
    source: serviceStatePath(name, path),
    // What an engine mounts there are roots and volumes of users, who may have devices and set-user-ID programs.
    options: sharedWritable.includes(path)
      ? ['rbind', 'rw', 'rshared']
      : // On the disk its files have the owners that they have in the container, whatever range of users it is given.
        ['bind', 'rw', 'nosuid', 'nodev', ...(namespaces.user === 'own' ? ['idmap'] : [])],
  };
}

function makeDevices(devices: ServiceDefinition['devices']): readonly OciMount[] {
  if (devices === 'all') {
    return [
      {
        destination: '/dev',
        type: 'bind',
        source: '/dev',
        options: ['rbind', 'rw', 'nosuid', 'noexec', 'rslave'],
      },
    ];
  }
  return devices.map((path) => ({
    destination: path,
    type: 'bind',
    source: path,
    options: ['bind', 'rw', 'nosuid', 'noexec'],
  }));
}

function makeBind(mount: MountRequest): OciMount {
  const propagation = { private: 'private', slave: 'slave', shared: 'shared' }[mount.propagation];
  const prefix = mount.isRecursive ? 'r' : '';
  return {
    destination: mount.target,
    type: 'bind',
    source: mount.source,
    options: [`${prefix}bind`, mount.isReadOnly ? `${prefix}ro` : 'rw', `${prefix}${propagation}`],
  };
}

/** Asked for by the service itself, or below a place that it asks for whole (its own /dev, /sys or /run). */
function isCovered(destination: string, places: ReadonlySet<string>): boolean {
  return [...places].some((place) => destination === place || destination.startsWith(`${place}/`));
}

function byDepthThenPath(a: OciMount, b: OciMount): number {
  const depth = (path: string) => path.split('/').length;
  return depth(a.destination) - depth(b.destination) || (a.destination < b.destination ? -1 : 1);
}
