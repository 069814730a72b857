import type { ServiceDefinition } from '../services/service-definition.ts';

/** A service with the defaults of `service.yaml`. */
export function demoService(changes: Partial<ServiceDefinition> = {}): ServiceDefinition {
  return {
    name: 'web',
    description: 'Serves pages',
    folder: '/services/web',
    place: { file: '/services/web/service.yaml', line: 1, column: 7 },
    packages: [],
    files: [],
    layers: [],
    kind: 'long-running',
    command: ['/usr/sbin/web', '--foreground'],
    environment: {},
    workingFolder: '/',
    user: { uid: 0, gid: 0 },
    accounts: [],
    capabilities: [],
    namespaces: { network: 'own', pid: 'own', ipc: 'own', uts: 'own', cgroup: 'own' },
    mounts: [],
    devices: [],
    writable: [],
    temporary: ['/run', '/tmp'],
    isRootReadOnly: true,
    hasNewPrivileges: false,
    seccomp: 'default',
    resources: { memoryBytes: 64 * 1024 * 1024, pids: 64, cpuWeight: 100 },
    restart: { policy: 'always', limit: 10, delaySeconds: 1 },
    stop: { signal: 'SIGTERM', timeoutSeconds: 10 },
    after: [],
    needs: [],
    readiness: { kind: 'started' },
    health: undefined,
    ports: [],
    values: {},
    ...changes,
  };
}
