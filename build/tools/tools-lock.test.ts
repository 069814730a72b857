import { describe, expect, test } from '@jest/globals';
import { readToolsLock, toolsetPackages, toolsLockPart } from './tools-lock.ts';
import { toolsetNames } from './tools-tree.ts';
import { readToolsets } from './toolsets.ts';

describe('tools.lock.json', () => {
  test.each(toolsetNames)('toolset %s has what toolsets.yaml asks for', async (name) => {
    const part = toolsLockPart(await readToolsLock(), 'x64');
    const toolsets = await readToolsets();
    const { requests, isFilesOnly } = toolsets.toolsets[name];
    const wanted = (isFilesOnly ? requests : [...requests, ...toolsets.isolation]).map((one) => one.package);
    const packages = toolsetPackages(part, name);
    expect(packages.map((locked) => locked.name)).toEqual(expect.arrayContaining(wanted));
    expect(part.toolsets[name]).toEqual([...part.toolsets[name]].sort());
    const omitted = new Set(toolsets.omitted.map((one) => one.package));
    expect(packages.filter((locked) => omitted.has(locked.name))).toEqual([]);
  });

  test('every package is named by its digest, and used', async () => {
    const part = toolsLockPart(await readToolsLock(), 'x64');
    const used = new Set(toolsetNames.flatMap((name) => part.toolsets[name]));
    expect(Object.keys(part.packages).filter((key) => !used.has(key))).toEqual([]);
    expect(Object.values(part.packages).filter(({ sha256 }) => !/^[0-9a-f]{64}$/.test(sha256))).toEqual([]);
  });

  test('a computer of another architecture is refused', async () => {
    const lock = await readToolsLock();
    expect(() => toolsLockPart(lock, 'riscv64')).toThrow(
      'Cannot open the tools: they are locked for amd64, and this computer is riscv64',
    );
  });

  test('a toolset that names a missing package is refused', async () => {
    const part = toolsLockPart(await readToolsLock(), 'x64');
    const broken = { ...part, toolsets: { ...part.toolsets, image: ['gone_1_all'] } };
    expect(() => toolsetPackages(broken, 'image')).toThrow(
      'Cannot open the tools: toolset image names gone_1_all, which tools.lock.json does not have',
    );
  });
});
