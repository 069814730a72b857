import { describe, expect, test } from '@jest/globals';
import { bytesOf } from './byte-source.ts';
import { printTree } from './print-tree.ts';
import type { TreeNode } from './tree.ts';
import { type Claim, TreeDraft } from './tree-draft.ts';

const folder = (origin: string, mode = 0o755): TreeNode => ({ type: 'folder', mode, uid: 0, gid: 0, origin });
const file = (origin: string, text: string, mode = 0o644): TreeNode => ({
  type: 'file',
  content: bytesOf(text),
  mode,
  uid: 0,
  gid: 0,
  origin,
});

describe('TreeDraft', () => {
  test('parent folders are made as the packages have them, else 0755', () => {
    const draft = new TreeDraft((path) =>
      path === '/var/spool' ? folder('package cron', 0o1730) : undefined,
    );
    draft.put('/var/spool/x', file('service a', '1'), 'asked');
    expect(printTree(draft.finish(), { hasOrigins: true })).toMatchInlineSnapshot(`
"/ 0755 0:0 folder (package cron)
/var 0755 0:0 folder (package cron)
/var/spool 1730 0:0 folder (package cron)
/var/spool/x 0644 0:0 file 1 6b86b273 (service a)"
`);
  });

  test.each<{ situation: string; first: [TreeNode, Claim]; second: [TreeNode, Claim]; winner: string }>([
    {
      situation: 'the stronger claim wins when it comes later',
      first: [file('drawn', '1'), 'drawn'],
      second: [file('asked', '2'), 'asked'],
      winner: 'asked',
    },
    {
      situation: 'the stronger claim wins when it came first',
      first: [file('asked', '1'), 'asked'],
      second: [file('drawn', '2'), 'drawn'],
      winner: 'asked',
    },
    {
      situation: 'two that are alike agree, and the first has it',
      first: [file('one', '1'), 'asked'],
      second: [file('two', '1'), 'asked'],
      winner: 'one',
    },
    {
      situation: "a folder's asked mode wins over a parent's",
      first: [folder('implied'), 'implied'],
      second: [folder('asked', 0o700), 'asked'],
      winner: 'asked',
    },
  ])('$situation', ({ first, second, winner }) => {
    const draft = new TreeDraft();
    draft.put('/x', ...first);
    draft.put('/x', ...second);
    expect(draft.get('/x')?.origin).toBe(winner);
  });

  test.each<{ situation: string; first: TreeNode; second: TreeNode; message: string }>([
    {
      situation: 'modes',
      first: folder('layer base'),
      second: folder('service a', 0o700),
      message:
        'Cannot put two different things at /x: layer base (mode 0755, owner 0:0) and service a (mode 0700, owner 0:0)',
    },
    {
      situation: 'kinds',
      first: folder('layer base'),
      second: { type: 'link', target: 'y', mode: 0o777, uid: 0, gid: 0, origin: 'recipe r' },
      message: 'Cannot put two different things at /x: layer base (a folder) and recipe r (a link)',
    },
  ])('equal claims that differ in $situation are a conflict', ({ first, second, message }) => {
    const draft = new TreeDraft();
    draft.put('/x', first, 'asked');
    expect(() => draft.put('/x', second, 'asked')).toThrow(message);
  });
});
