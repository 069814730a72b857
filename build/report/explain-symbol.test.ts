import { expect, test } from '@jest/globals';
import { FaultList } from '../errors/fault-list.ts';
import { mergeFragments, parseFragment } from '../kernel/kernel-fragment.ts';
import { explainSymbol, renderExplainedSymbol } from './explain-symbol.ts';

const situation = {
  wanted: mergeFragments([
    parseFragment('base', '/k/kernel-config/base.config', '# Keyboards.\nCONFIG_USB=y\n', new FaultList()),
    parseFragment(
      'mine',
      '/k/kernel-config/mine.config',
      '# None here.\n# CONFIG_USB is not set\n',
      new FaultList(),
    ),
  ]),
  required: [{ symbol: 'EFI', value: 'y', reason: 'the image is an EFI program' }],
  values: new Map([
    ['USB', 'n'],
    ['EFI', 'y'],
  ]),
  folder: '/k',
};

test.each([
  [
    'config_usb',
    'CONFIG_USB=n\n  base sets it to y (kernel-config/base.config:2): Keyboards.\n' +
      '  mine sets it to n (kernel-config/mine.config:2): None here.',
  ],
  [
    'EFI',
    'CONFIG_EFI=y\n  no fragment asks for it: another symbol selects it, or it is Kconfig’s own default\n' +
      '  the system needs it: the image is an EFI program',
  ],
  ['ODD', 'CONFIG_ODD=n\n  no fragment asks for it, and nothing that they ask for selects it'],
])('%s', (name, says) => {
  expect(renderExplainedSymbol(explainSymbol(name, situation))).toBe(says);
});
