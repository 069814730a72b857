import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openRealWorkshop } from '../testing/real-workshop.ts';
import { makeHashTree } from './hash-tree.ts';

test('a hash tree is the one that dm-verity would make', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hash-tree-'));
  const file = (name: string) => join(folder, name);
  const tools = await (await openRealWorkshop()).openTools('image');
  const path = file('data');
  const blocks = 300;
  await writeFile(path, Buffer.alloc(blocks * 4096, 3));
  const salt = 'ab'.repeat(32);
  const { stdout } = await tools.run({
    file: '/usr/sbin/veritysetup',
    arguments: ['format', '--no-superblock', `--salt=${salt}`, `--data-blocks=${blocks}`, path, file('tree')],
    writable: [folder],
  });
  const tree = await makeHashTree(path, blocks * 4096, Buffer.from(salt, 'hex'));
  expect(stdout).toContain(tree.rootHash);
  expect((await readFile(file('tree'))).equals(tree.bytes)).toBe(true);
  await expect(makeHashTree(path, 4096, Buffer.alloc(0))).rejects.toThrow('two or more whole blocks');
  await expect(makeHashTree(path, 301 * 4096, Buffer.alloc(0))).rejects.toThrow(
    'the file ends before its data does',
  );
  await rm(folder, { recursive: true });
});
