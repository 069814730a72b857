import { machineLayout } from '../contract/machine-layout.ts';

/**
 * Where a service's writable path lies on the state partition: `/etc/ssh/keys` of `sshd` is
 * `/var/lib/keelson/services/sshd/etc-ssh-keys`. A dash of the path is doubled, so that no two paths meet.
 */
export function serviceStatePath(serviceName: string, path: string): string {
  const name = path.slice(1).replaceAll('-', '--').replaceAll('/', '-');
  return `${machineLayout.serviceState}/${serviceName}/${name}`;
}
