import { expect, test } from '@jest/globals';
import {
  type FixtureFiles,
  loadFixture,
  recipeText,
  renderFaults,
  serviceText,
} from './fixture-repository.ts';

const small = serviceText('small', 'console: { name: small, start: boot }');
const debian = serviceText('big', 'console: { name: debian }');

function files(...lines: readonly string[]): FixtureFiles {
  return {
    'recipes/mine/recipe.yaml': recipeText('mine', ...lines),
    'system-services/small/service.yaml': small,
    'system-services/big/service.yaml': debian,
    'system-services/plain/service.yaml': serviceText('plain'),
  };
}

const situations: readonly (readonly [string, readonly string[], string | undefined])[] = [
  ['no console', ['services: [plain]'], undefined],
  ['the first that starts with the machine', ['services: [big, small]'], 'small'],
  ['none that would have to be chosen first', ['services: [big]'], undefined],
  ['what the recipe says', ['services: [small, big]', 'console: debian'], 'debian'],
];
test.each(situations)('%s', async (_, lines, name) => {
  expect((await loadFixture(files(...lines))).console).toBe(name);
});

test('a console that no service is', async () => {
  expect(await renderFaults(files('services: [small]', 'console: debian'))).toContain(
    'recipes/mine/recipe.yaml:5:10: Cannot have sessions land in "debian": no service of the recipe is a console of that name  [CONSOLE_UNKNOWN]',
  );
  expect(await renderFaults(files('services: [small]', 'console: debian'))).toContain(
    'hint: use one of the consoles: small; or add the service that is it, such as console-debian',
  );
});

test('a console where there is none at all', async () => {
  expect(await renderFaults(files('console: debian'))).toContain(
    'hint: add a service that is a console, such as console, to "services"',
  );
});

test('two consoles of one name', async () => {
  const both = {
    ...files('services: [small, twin]'),
    'system-services/twin/service.yaml': serviceText('twin', 'console: { name: small }'),
  };
  expect(await renderFaults(both)).toContain(
    'Cannot have two consoles "small": "small" and "twin" are called so  [CONSOLE_DUPLICATE]',
  );
});
