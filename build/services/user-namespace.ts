import { FaultList } from '../errors/fault-list.ts';
import type { Tree } from '../rootfs/tree.ts';
import type { NamespaceChoice, ServiceDefinition } from './service-definition.ts';

/**
 * Each service with users of its own has so many; the first range begins where no account of the machine and no subordinate
 * user of an engine (subuid(5)) is: Podman's of the last account end at 0xe680_0000.
 */
const usersEach = 65536;
const firstUser = 0xe800_0000;

/** `uidMappings` and `gidMappings` of the OCI specification; `index` of the service among the recipe's. */
export function makeUserMappings(index: number): readonly {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}[] {
  return [{ containerID: 0, hostID: firstUser + index * usersEach, size: usersEach }];
}

/**
 * The service with its user namespace decided. It has its own unless it says or needs otherwise: root in it is nobody on the
 * machine. crun (1.21) cannot map the owners of a container's root, so there its files are of "nobody", and what not
 * everybody may read it cannot read.
 */
export function settleUserNamespace(asked: ServiceDefinition, root: Tree): ServiceDefinition {
  const wish = asked.namespaces.user;
  if (wish === 'machine') return asked;
  const reason = findMachineNeed(asked) ?? findUnreadable(asked, root);
  if (wish === 'own' && reason !== undefined) {
    const faults = new FaultList();
    faults.add({
      code: 'USER_NAMESPACE_IMPOSSIBLE',
      class: 'unsupported',
      message: `Cannot give "${asked.name}" users of its own: ${reason}`,
      place: asked.place,
      hint: 'remove what stands against it, or "user: own" from its namespaces',
    });
    faults.throwIfAny();
  }
  const user: NamespaceChoice = reason === undefined ? 'own' : 'machine';
  return { ...asked, namespaces: { ...asked.namespaces, user } };
}

/** Capabilities that are as good over one's own users and files alone. */
const ownCapabilities = new Set([
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
]);

/** Those that the owner of a network namespace has over it. */
const networkCapabilities = new Set(['CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE', 'CAP_NET_RAW']);

/** Why the service cannot do without the machine's users, as far as its definition says; `undefined`: nothing. */
export function findMachineNeed(service: ServiceDefinition): string | undefined {
  const { capabilities, namespaces, devices, mounts, sharedWritable, user } = service;
  const isOwn = (capability: string) =>
    ownCapabilities.has(capability) || (namespaces.network === 'own' && networkCapabilities.has(capability));
  const capability = capabilities.find((name) => !isOwn(name));
  if (capability !== undefined) return `${capability} holds only for the machine's own`;
  // Linux lets nobody mount them who is not the owner of the namespace.
  for (const type of ['pid', 'ipc', 'cgroup'] as const) {
    if (namespaces[type] === 'machine') return `it shares the machine's ${type} namespace`;
  }
  if (devices.length > 0) return 'devices belong to users of the machine';
  const mount = mounts.find(({ isReadOnly }) => !isReadOnly);
  if (mount !== undefined) return `${mount.source} belongs to users of the machine`;
  if (sharedWritable.length > 0) return `what it mounts in ${sharedWritable[0]} is the machine's`;
  if (service.hasNewPrivileges) return 'it may gain privileges of the machine';
  const numbers = [user.uid, user.gid, ...(user.additionalGids ?? [])];
  const beyond = numbers.find((number) => number >= usersEach);
  if (beyond !== undefined)
    return `its user or group ${beyond} is not among the ${usersEach} that it would have`;
  return undefined;
}

/** What is not for everybody, or has an owner of its own, which would be "nobody" there. */
function findUnreadable({ writable, temporary, mounts }: ServiceDefinition, root: Tree): string | undefined {
  const hidden = [...writable, ...temporary, ...mounts.map(({ target }) => target)];
  for (const [path, node] of root) {
    if (node.type === 'link' || hidden.some((place) => path === place || path.startsWith(`${place}/`)))
      continue;
    const isProgram = node.type === 'file' && (node.mode & 0o111) !== 0;
    const verb = node.type === 'folder' ? 'enter' : isProgram ? 'run' : 'read';
    const needed = verb === 'read' ? 0o004 : 0o005;
    if ((node.mode & needed) !== needed) return `not everybody may ${verb} ${path} of its root`;
    if (node.uid !== 0 || node.gid !== 0) return `${path} of its root has an owner of its own`;
  }
  return undefined;
}
