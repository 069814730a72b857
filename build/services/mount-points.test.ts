import { expect, test } from '@jest/globals';
import { printTree } from '../rootfs/print-tree.ts';
import type { TreeNode } from '../rootfs/tree.ts';
import { makeMountPoints } from './mount-points.ts';

test('a folder or an empty file for each mount, but not where there is something or below another mount', () => {
  const link: TreeNode = {
    type: 'link',
    target: '/run/x',
    mode: 0o777,
    uid: 0,
    gid: 0,
    origin: 'layer operator',
  };
  const mounts = [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/proc/sys/net', type: 'bind', source: '/proc/sys/net' },
    { destination: '/etc/hosts', type: 'bind', source: '/run/keelson/etc/hosts' },
    { destination: '/etc/resolv.conf', type: 'bind', source: '/run/keelson/etc/resolv.conf' },
    { destination: '/run/', type: 'tmpfs', source: 'tmpfs' },
    { destination: '/run/keelson/ntp', type: 'bind', source: '/run/keelson/ntp' },
    { destination: '/srv/socket', type: 'bind', source: '/run/engine.sock' },
    { destination: '/var/lib/data', type: 'bind', source: '/var/lib/keelson/services/x/var-lib-data' },
  ];
  const points = makeMountPoints(
    new Map([['/etc/hosts', link]]),
    { ociVersion: '1.2.0', mounts },
    'service x',
  );
  expect(printTree(points)).toMatchInlineSnapshot(`
"/etc/resolv.conf 0644 0:0 file 0 e3b0c442
/proc 0755 0:0 folder
/run 0755 0:0 folder
/srv/socket 0644 0:0 file 0 e3b0c442
/var/lib/data 0755 0:0 folder"
`);
});
