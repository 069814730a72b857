import { expect, test } from '@jest/globals';
import { FaultList } from '../errors/fault-list.ts';
import { FaultsError } from '../errors/keelson-error.ts';
import { formatWanted, mergeFragments, parseConfiguration, parseFragment } from './kernel-fragment.ts';

const text = `# What it is for.

# The root is verified.
CONFIG_DM_VERITY=y
# CONFIG_DM_SNAPSHOT is not set

# A line that says more
# than one.
CONFIG_LSM="landlock,yama"
CONFIG_NR_CPUS=64
`;

function parse(name: string, content: string) {
  const faults = new FaultList();
  const fragment = parseFragment(name, `kernel-config/${name}.config`, content, faults);
  faults.throwIfAny();
  return fragment;
}

test('a fragment is lines of a configuration with the reasons above them', () => {
  expect(parse('verity', text).settings.map(({ symbol, value, reason }) => [symbol, value, reason])).toEqual([
    ['DM_VERITY', 'y', 'The root is verified.'],
    ['DM_SNAPSHOT', 'n', 'The root is verified.'],
    ['LSM', '"landlock,yama"', 'A line that says more than one.'],
    ['NR_CPUS', '64', 'A line that says more than one.'],
  ]);
});

test.each([
  ['CONFIG_X', 'FRAGMENT_INVALID'],
  ['# why\nCONFIG_X=yes', 'FRAGMENT_INVALID'],
  ['X=y', 'FRAGMENT_INVALID'],
  ['CONFIG_X=y', 'FRAGMENT_REASON_MISSING'],
  ['# why\n\nCONFIG_X=y', 'FRAGMENT_REASON_MISSING'],
  ['# why\nCONFIG_X=y\n# CONFIG_X is not set', 'FRAGMENT_SYMBOL_TWICE'],
])('%j is refused: %s', (content, code) => {
  try {
    parse('wrong', content);
  } catch (error) {
    const [fault] = (error as FaultsError).faults;
    expect(error).toBeInstanceOf(FaultsError);
    expect(fault).toMatchObject({ code, place: { file: 'kernel-config/wrong.config' } });
    return;
  }
  throw new Error('it was not refused');
});

test('the last fragment has the last word, and what others said is known', () => {
  const merged = mergeFragments([
    parse('base', '# why\nCONFIG_USB=y\nCONFIG_NET=y\n'),
    parse('mine', '# not here\n# CONFIG_USB is not set\n'),
  ]);
  expect(merged.get('USB')).toMatchObject({
    value: 'n',
    settings: [
      { fragment: 'base', value: 'y' },
      { fragment: 'mine', value: 'n', reason: 'not here' },
    ],
  });
  expect(formatWanted(merged)).toBe('# CONFIG_USB is not set\nCONFIG_NET=y\n');
});

test('a whole configuration', () => {
  const values = parseConfiguration(
    '#\n# General setup\n#\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C="x"\n',
  );
  expect([...values]).toEqual([
    ['A', 'y'],
    ['B', 'n'],
    ['C', '"x"'],
  ]);
});
