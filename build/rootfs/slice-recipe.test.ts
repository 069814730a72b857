import { expect, test } from '@jest/globals';
import { demoRecipe } from '../testing/demo-recipe.ts';
import { demoService } from '../testing/demo-service.ts';
import { bytesOf } from './byte-source.ts';
import { sliceService } from './slice-recipe.ts';
import { fakePackage } from './testing/fake-package.ts';

test('a service that installs its packages by itself has them as they are, beside its files', async () => {
  const place = { file: 'service.yaml' };
  const service = demoService({
    packageFolder: '/usr/lib/web/packages',
    files: [{ kind: 'package', path: '/usr/share/web/page', place }],
  });
  const packages = [
    fakePackage('web', { '/usr/share/web/page': 'hello' }),
    fakePackage('web-data', { '/usr/share/data': 'not asked for' }),
  ];
  const { tree, packages: given } = await sliceService(demoRecipe('/recipe'), service, packages, async () =>
    bytesOf(''),
  );
  const files = [...tree].filter(([, { type }]) => type === 'file').map(([path]) => path);
  expect(files.sort()).toEqual([
    '/usr/lib/web/packages/web-data.deb',
    '/usr/lib/web/packages/web.deb',
    '/usr/share/web/page',
  ]);
  const deb = tree.get('/usr/lib/web/packages/web.deb');
  expect(deb?.type === 'file' && (await deb.content.read()).toString()).toBe('the package web');
  // All are in the bill of materials.
  expect(given.map(({ name }) => name)).toEqual(['web', 'web-data']);
});
