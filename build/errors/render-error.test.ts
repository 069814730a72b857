import { describe, expect, test } from '@jest/globals';
import { FaultsError, KeelsonError } from './keelson-error.ts';
import { errorToJson, exitCodeOf, renderError } from './render-error.ts';

const options = { isColoured: false, workingFolder: '/srv/keelson' };

const fault = new KeelsonError({
  code: 'SERVICE_UNKNOWN',
  class: 'input',
  message: 'Cannot find the service "ssdh"',
  place: {
    file: '/srv/keelson/recipes/minimal/recipe.yaml',
    line: 7,
    column: 5,
    sourceLine: '  - ssdh',
  },
  hint: 'did you mean "sshd"?',
});

const noSpace = new KeelsonError({
  code: 'STORE_FULL',
  class: 'environment',
  message: 'Cannot write to the store',
  hint: 'free some space',
  cause: new Error('ENOSPC: no space left on device'),
});

describe('what a person reads', () => {
  test('place, message, code, line, caret, hint', () => {
    expect(renderError(fault, options)).toBe(
      [
        'recipes/minimal/recipe.yaml:7:5: Cannot find the service "ssdh"  [SERVICE_UNKNOWN]',
        '  7 |   - ssdh',
        '    |     ^',
        'hint: did you mean "sshd"?',
      ].join('\n'),
    );
  });

  test('the cause, where there is one', () => {
    expect(renderError(noSpace, options)).toBe(
      [
        'Cannot write to the store  [STORE_FULL]',
        'cause: ENOSPC: no space left on device',
        'hint: free some space',
      ].join('\n'),
    );
  });

  test('several faults, then how many', () => {
    const text = renderError(new FaultsError([fault, noSpace]), options);
    expect(text.split('\n\n')).toEqual([
      renderError(fault, options),
      renderError(noSpace, options),
      '2 faults',
    ]);
  });

  test('a file elsewhere keeps its whole path', () => {
    expect(renderError(fault, { ...options, workingFolder: '/srv/other' })).toMatch(
      /^\/srv\/keelson\/recipes\/minimal\/recipe\.yaml:7:5: /,
    );
  });

  test('a long line is cut round the column', () => {
    const place = { file: '/x', line: 1, column: 301, sourceLine: `${'a'.repeat(300)}b${'c'.repeat(300)}` };
    const [, source, caret] = renderError(
      new KeelsonError({ code: 'X_Y', class: 'input', message: 'Cannot', place }),
      options,
    ).split('\n');
    expect(source).toHaveLength(106);
    expect(source?.[caret?.indexOf('^') ?? 0]).toBe('b');
  });

  test('control characters cannot steer the terminal', () => {
    const hostile = new KeelsonError({
      code: 'X_Y',
      class: 'input',
      message: 'Cannot use "\u001b[2J"',
      place: { file: '/x\u0007', line: 1, column: 2, sourceLine: '\t\u001b[2Jx' },
    });
    expect(renderError(hostile, options)).toBe(
      ['/x\\x07:1:2: Cannot use "\\x1b[2J"  [X_Y]', '  1 |   [2Jx', '    |  ^'].join('\n'),
    );
  });

  test('colours only when asked for', () => {
    expect(renderError(fault, { ...options, isColoured: true })).toContain(
      '\u001b[31mCannot find the service "ssdh"\u001b[0m',
    );
  });

  test('what is not ours is a fault of the builder', () => {
    const text = renderError(new TypeError('x is undefined'), options);
    expect(text).toMatch(/^Cannot go on: x is undefined {2}\[INTERNAL_FAULT\]\n {4}at /);
    expect(text).toMatch(/\nhint: this is a fault of the builder; please report it with the lines above$/);
    expect(renderError('thrown', options)).toContain('Cannot go on: thrown  [INTERNAL_FAULT]');
  });
});

test('the same as data', () => {
  expect(errorToJson(new FaultsError([fault, noSpace]))).toEqual({
    code: 'FAULTS_FOUND',
    class: 'input',
    message: '2 faults',
    faults: [
      {
        code: 'SERVICE_UNKNOWN',
        class: 'input',
        message: 'Cannot find the service "ssdh"',
        place: fault.place,
        hint: 'did you mean "sshd"?',
      },
      {
        code: 'STORE_FULL',
        class: 'environment',
        message: 'Cannot write to the store',
        hint: 'free some space',
        cause: 'ENOSPC: no space left on device',
      },
    ],
  });
  expect(errorToJson(new Error('x'))).toEqual({ code: 'INTERNAL_FAULT', class: 'internal', message: 'x' });
});

test('the class gives the exit code; faults of one class have that class', () => {
  expect(exitCodeOf(fault)).toBe(2);
  expect(exitCodeOf(noSpace)).toBe(4);
  expect(exitCodeOf(new FaultsError([noSpace, noSpace]))).toBe(4);
  expect(exitCodeOf(new FaultsError([fault, noSpace]))).toBe(2);
  expect(exitCodeOf(new Error('x'))).toBe(70);
});
