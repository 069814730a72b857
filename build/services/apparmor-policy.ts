import type { MountRequest, ServiceDefinition } from './service-definition.ts';

/** Name of a service's profile, in config.json and in the kernel. */
export function apparmorProfileName(service: Pick<ServiceDefinition, 'name'>): string {
  return `keelson.${service.name}`;
}

/**
 * A service's AppArmor policy (apparmor.d(5)), `undefined` when it has none. When it brings no rules of its own, they follow from
 * what it asks for: its root is read and run, what it may write is never run, and of capabilities, sockets, devices and
 * folders there is what it names. Paths are those in its container. What is not allowed is refused, and stands in the kernel's log.
 */
export function makeApparmorPolicy(service: ServiceDefinition): string | undefined {
  if (service.apparmor === 'unconfined') return undefined;
  const name = apparmorProfileName(service);
  const rules = service.apparmor === 'default' ? defaultRules(service, name) : service.apparmor.rules;
  // Output goes to a pipe of the machine, which has no name in the container: attach_disconnected.
  return `${policyHead(name)}${rules.trimEnd()}\n}\n`;
}

/** One line, so that faults of a service's own rules are found. */
function policyHead(name: string): string {
  return `profile ${name} flags=(attach_disconnected,mediate_deleted) {\n`;
}

export const policyHeadLines = 1;

function defaultRules(service: ServiceDefinition, name: string): string {
  return [
    ...rootRules(service),
    ...writeRules(service),
    ...kernelFileRules,
    ...deviceRules(service),
    ...service.capabilities.map(
      (capability) => `capability ${capability.slice('CAP_'.length).toLowerCase()}`,
    ),
    ...networkRules(service),
    ...processRules(service, name),
    ...administratorRules(service),
  ]
    .map((rule) => `  ${rule},\n`)
    .join('');
}

function rootRules({ isRootReadOnly }: ServiceDefinition): readonly string[] {
  return isRootReadOnly ? ['/ r', '/** rmix'] : ['/ rw', '/** rwklmix'];
}

function writeRules(service: ServiceDefinition): readonly string[] {
  const { mounts, temporary, writable } = service;
  const kept = [...new Set([...temporary, ...writable, '/dev/mqueue', '/dev/shm'])].toSorted();
  return [
    ...kept.flatMap(writtenNeverRun),
    ...mounts.flatMap(mountRules),
    // The log's socket, a link to it, and what goes to standard output, opened by its name in /dev.
    '/run/keelson/log/socket rw',
    '/dev/log rw',
    `"/run/keelson/pipes/${service.name}.*" rw`,
  ];
}

/** To connect to a socket is to write to it, also where the mount is read-only; files are protected by the mount itself. */
function mountRules({ target, isReadOnly }: MountRequest): readonly string[] {
  return isReadOnly ? below(target, 'rw') : writtenNeverRun(target);
}

function writtenNeverRun(path: string): readonly string[] {
  return [...below(path, 'rwkl'), ...below(path, 'mx', 'audit deny ')];
}

/** The path itself, be it a file or a folder, and all below. */
function below(path: string, access: string, qualifier = ''): readonly string[] {
  const literal = path === '/' ? '' : escapePath(path);
  const self = path === '/' ? path : `${literal}{,/}`;
  return [`${qualifier}"${self}" ${access}`, `${qualifier}"${literal}/**" ${access}`];
}

/** What is special in a pattern, see apparmor.d(5), "Globbing". */
function escapePath(path: string): string {
  return path.replaceAll(/[\\"*?[\]{}^,@]/g, '\\$&');
}

const kernelFileRules: readonly string[] = [
  'audit deny "/{proc,sys}/**" mx',
  'owner "/proc/[0-9]*/**" rw',
  'audit deny /proc/sysrq-trigger rwkl',
  'audit deny /proc/kcore rwkl',
  'audit deny "/sys/firmware/**" rwkl',
  'audit deny "/sys/kernel/security/**" rwkl',
];

/** What every container has, as the OCI specification demands, and what the service names. */
const commonDevices = '/dev/{console,full,null,ptmx,random,tty,urandom,zero}';

function deviceRules({ devices }: ServiceDefinition): readonly string[] {
  const asked = devices === 'all' ? ['"/dev/**" rwk'] : devices.map((path) => `"${escapePath(path)}" rw`);
  return [`${commonDevices} rw`, '"/dev/pts/**" rw', ...asked];
}

/** No address family that few programs use and that has often been the way into the kernel. */
function networkRules({ capabilities }: ServiceDefinition): readonly string[] {
  const families = ['unix', 'netlink', 'inet stream', 'inet dgram', 'inet6 stream', 'inet6 dgram'];
  const raw = capabilities.includes('CAP_NET_RAW') ? ['inet raw', 'inet6 raw', 'packet'] : [];
  return [...families, ...raw].map((family) => `network ${family}`);
}

/**
 * Whom it may stop and look at: its own processes, and all of the machine when it has asked for that. Who may do so with it, the
 * policies of the others say.
 */
function processRules({ capabilities, namespaces }: ServiceDefinition, name: string): readonly string[] {
  const peerOf = (capability: string) =>
    namespaces.pid === 'machine' && capabilities.includes(capability) ? '' : ` peer=${name}`;
  return [
    'signal receive',
    `signal send${peerOf('CAP_KILL')}`,
    'ptrace (tracedby, readby)',
    `ptrace (trace, read)${peerOf('CAP_SYS_PTRACE')}`,
  ];
}

function administratorRules({ capabilities }: ServiceDefinition): readonly string[] {
  return capabilities.includes('CAP_SYS_ADMIN') ? ['mount', 'remount', 'umount', 'pivot_root', 'userns'] : [];
}
