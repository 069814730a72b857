import { expect, test } from '@jest/globals';
import type { Recipe } from '../recipe/recipe.ts';
import { printTree } from '../rootfs/print-tree.ts';
import type { Tree, TreeNode } from '../rootfs/tree.ts';
import { completeRoot } from './compile-services.ts';
import type { ServiceDefinition } from './service-definition.ts';

test("a service's root: the slice, accounts where it has none, and places to mount on", () => {
  const link: TreeNode = {
    type: 'link',
    target: '/run/keelson/etc/passwd',
    mode: 0o777,
    uid: 0,
    gid: 0,
    origin: 'x',
  };
  const slice: Tree = new Map([['/etc/passwd', link]]);
  const service = { name: 'time', layers: [], accounts: [] } as unknown as ServiceDefinition;
  const config = { ociVersion: '1.2.0', mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }] };
  expect(
    printTree(completeRoot({} as Recipe, service, slice, config), { hasOrigins: true }),
  ).toMatchInlineSnapshot(`
"/ 0755 0:0 folder (x)
/etc 0755 0:0 folder (x)
/etc/group 0644 0:0 file 27 bc0b500e (service time)
/etc/passwd -> /run/keelson/etc/passwd (x)
/proc 0755 0:0 folder (service time)"
`);
});
