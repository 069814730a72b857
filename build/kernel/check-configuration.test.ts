import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { FaultList } from '../errors/fault-list.ts';
import { renderError } from '../errors/render-error.ts';
import { architectures } from '../recipe/recipe.ts';
import { reportUnmet, type SymbolDependency } from './check-configuration.ts';
import { mergeFragments, parseFragment } from './kernel-fragment.ts';
import { listFragments } from './list-fragments.ts';
import { readRequiredSymbols } from './required-symbols.ts';

const required = [{ symbol: 'DM_VERITY', value: 'y', reason: 'the root is verified' }];
const place = { file: 'recipe.yaml', line: 4, column: 11, sourceLine: '  source: linux-source-6.12' };

function report(
  fragment: string,
  configuration: Record<string, string>,
  dependencies: Record<string, SymbolDependency> = {},
): readonly string[] {
  const faults = new FaultList();
  const wanted = mergeFragments([parseFragment('mine', 'mine.config', fragment, faults)]);
  reportUnmet(
    {
      wanted,
      required,
      place,
      configuration: new Map(Object.entries(configuration)),
      dependencies: new Map(Object.entries(dependencies)),
    },
    faults,
  );
  try {
    faults.throwIfAny();
    return [];
  } catch (error) {
    return renderError(error, { isColoured: false, workingFolder: '/x' }).split('\n');
  }
}

const dependency = { isUnknown: false, dependsOn: '', off: [], selectedBy: [] };

test('all hold: nothing is said', () => {
  expect(report('# why\nCONFIG_DM_VERITY=y\n', { DM_VERITY: 'y' })).toEqual([]);
});

test('a symbol that did not hold: who asked, what it is, and what it depends on', () => {
  const lines = report(
    '# why\nCONFIG_DM_VERITY=y\nCONFIG_DM_INIT=y\n# CONFIG_BLK_DEV_DM is not set\n',
    { DM_VERITY: 'y', DM_INIT: 'n' },
    { DM_INIT: { ...dependency, dependsOn: 'BLK_DEV_DM(=n) && MD(=n)', off: ['BLK_DEV_DM', 'MD'] } },
  );
  expect(lines[0]).toBe(
    'mine.config:3:1: Cannot have CONFIG_DM_INIT=y, which mine asks for: it is n; it depends on ' +
      'BLK_DEV_DM(=n) && MD(=n); mine line 4 switches BLK_DEV_DM off; no fragment asks for MD  [KERNEL_SYMBOL_UNMET]',
  );
});

test('a symbol that cannot be off, and one that there is not', () => {
  const lines = report(
    '# why\nCONFIG_DM_VERITY=y\n# CONFIG_CRC32 is not set\nCONFIG_ODD=y\n',
    { DM_VERITY: 'y', CRC32: 'y' },
    {
      CRC32: { ...dependency, selectedBy: ['EXT4_FS'] },
      ODD: { ...dependency, isUnknown: true },
    },
  ).join('\n');
  expect(lines).toContain('CONFIG_CRC32=n, which mine asks for: it is y; EXT4_FS switches it on');
  expect(lines).toContain('CONFIG_ODD=y, which mine asks for: it is n; this kernel has no such symbol');
});

test('what the system needs and nobody asks for; and what a fragment takes away', () => {
  expect(report('# why\nCONFIG_NET=y\n', { NET: 'y' })[0]).toBe(
    'recipe.yaml:4:11: Cannot do without CONFIG_DM_VERITY=y: the root is verified. It is n  [KERNEL_SYMBOL_REQUIRED]',
  );
  expect(report('# why\n# CONFIG_DM_VERITY is not set\n', { DM_VERITY: 'n' })[0]).toBe(
    'mine.config:2:1: Cannot do without CONFIG_DM_VERITY=y: the root is verified. mine sets it to n  [KERNEL_SYMBOL_REQUIRED]',
  );
});

test('the fragments of the repository can be read, and none is without reasons', async () => {
  const faults = new FaultList();
  for (const name of await listFragments(['kernel-config'])) {
    const file = `kernel-config/${name}.config`;
    expect(parseFragment(name, file, readFileSync(file, 'utf8'), faults).settings).not.toEqual([]);
  }
  expect(() => faults.throwIfAny()).not.toThrow();
});

test('what the system needs has reasons, for each architecture', async () => {
  for (const architecture of architectures) {
    const symbols = await readRequiredSymbols(architecture);
    expect(symbols).toContainEqual({ symbol: 'DM_VERITY', value: 'y', reason: 'the root is verified' });
    expect(symbols.some(({ symbol }) => symbol === 'SERIAL_AMBA_PL011')).toBe(architecture === 'arm64');
  }
});
