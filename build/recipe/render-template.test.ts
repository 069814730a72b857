import { expect, test } from '@jest/globals';
import { renderError } from '../errors/render-error.ts';
import { renderTemplate, serviceTemplateContext } from './render-template.ts';

const recipe = {
  name: 'mine',
  version: '2026.11.0',
  description: 'Mine',
  hostname: 'box',
  architecture: 'x86-64',
  suites: ['trixie'],
} as const;
const values = { port: 22, servers: ['a', 'b'], nested: { on: true }, html: '<&>', empty: '' };
const context = serviceTemplateContext(recipe, { name: 'web', description: 'Web', values });
const place = { file: '/repository/x.conf.hbs' };

const good = [
  [
    'values, the recipe and the service',
    '{{values.port}} {{recipe.hostname}} {{service.name}}',
    '22 box web',
  ],
  ['no HTML escaping', '{{values.html}}', '<&>'],
  [
    'lists',
    '{{#each values.servers}}{{@index}}={{this}}@{{@root.recipe.name}};{{/each}}',
    '0=a@mine;1=b@mine;',
  ],
  ['conditions', '{{#if values.nested.on}}on{{else}}off{{/if}}{{#unless values.empty}}!{{/unless}}', 'on!'],
  ['no braces, nothing done', 'a } b { c', 'a } b { c'],
] as const;

test.each(good)('%s', (_, text, expected) => {
  expect(renderTemplate(text, context, place)).toBe(expected);
});

const bad = [
  [
    '{{values.prot}}',
    'x.conf.hbs:1:3: Cannot fill in the template: there is no "values.prot"',
    'did you mean "values.port"?',
  ],
  [
    '\n {{port}}',
    'x.conf.hbs:2:4: Cannot fill in the template: there is no "port"',
    'did you mean "values.port"?',
  ],
  [
    '{{#if values.debug}}{{/if}}',
    'x.conf.hbs:1:7: Cannot fill in the template: there is no "values.debug"',
    'use one of the names:',
  ],
  [
    '{{#each values.servers}}{{@root.recipe.nam}}{{/each}}',
    'Cannot fill in the template: there is no "@root.recipe.nam"',
    'use one of the names:',
  ],
  ['{{constructor}}', 'Cannot fill in the template: there is no "constructor"', 'use one of the names:'],
  [
    '{{shout values.port}}',
    'Cannot fill in the template: You specified knownHelpersOnly, but used the unknown helper shout',
    'check the braces and names:',
  ],
  [
    'a\n{{#if}',
    'x.conf.hbs:2: Cannot fill in the template: it is not written well',
    'check the braces and names:',
  ],
] as const;

test.each(bad)('%j is refused', (text, message, hint) => {
  let shown = '';
  try {
    renderTemplate(text, context, place);
  } catch (error) {
    shown = renderError(error, { isColoured: false, workingFolder: '/repository' });
  }
  expect(shown).toContain(message);
  expect(shown).toContain(`hint: ${hint}`);
  expect(shown).toContain('[TEMPLATE_INVALID]');
});
