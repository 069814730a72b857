import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(path));
const sources = tracked.filter((path) => path.startsWith('build/') && path.endsWith('.ts'));
/** Machines under test; `keelson test` offers them to users, so this folder has a place in the order too. */
const machineSupport = tracked.filter((path) => /^qemu-tests\/support\/.*\.ts$/.test(path));
const read = (path: string): string => readFileSync(path, 'utf8');

/** Each folder may import from itself and from those in the rows above it; those without a path are in `build/`. */
const layers = [
  ['contract'],
  ['errors'],
  ['events', 'host'],
  ['store'],
  [
    'tools',
    'debian',
    'recipe',
    'services',
    'oci-images',
    'rootfs',
    'lock',
    'kernel',
    'seal',
    'boot',
    'disk',
    'formats',
    'keys',
  ],
  ['update', 'publish', 'fleet', 'qemu', 'report'],
  ['pipeline'],
  ['qemu-tests/support'],
  ['commands'],
  ['cli.ts', 'bench', 'testing'],
];

const rankOf = (path: string): number => {
  const part = path.startsWith('qemu-tests/support/') ? 'qemu-tests/support' : (path.split('/')[1] ?? '');
  return layers.findIndex((row) => row.includes(part));
};

function importsOf(path: string): string[] {
  return [...read(path).matchAll(/(?:from|import)\s+'(\.[^']+)'/g)].map(([, target = '']) =>
    normalize(join(dirname(path), target)),
  );
}

describe('house rules', () => {
  test('every folder of build/ has a place in the order of imports', () => {
    expect(sources.filter((path) => rankOf(path) < 0)).toEqual([]);
  });

  test('imports go one way', () => {
    const wrong = [...sources, ...machineSupport]
      .filter((path) => !path.endsWith('.test.ts'))
      .flatMap((path) =>
        importsOf(path)
          .filter((target) => /^(build|qemu-tests)\//.test(target))
          .filter((target) => rankOf(target) < 0 || rankOf(target) > rankOf(path))
          .map((target) => `${path} imports ${target}`),
      );
    expect(wrong).toEqual([]);
  });

  test('what a command imports of the machine tests runs without Jest', () => {
    const reached = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      for (const target of importsOf(path)) if (target.startsWith('qemu-tests/')) visit(target);
    };
    for (const path of sources.filter((each) => each.startsWith('build/commands/'))) visit(path);
    const wrong = [...reached].filter((path) => path.startsWith('qemu-tests/') && /@jest/.test(read(path)));
    expect(wrong).toEqual([]);
  });

  test('contract is pure: it imports nothing from outside itself', () => {
    const wrong = sources
      .filter((path) => path.startsWith('build/contract/') && !path.endsWith('.test.ts'))
      .filter((path) =>
        [...read(path).matchAll(/from '([^']+)'/g)].some(([, from = '']) => !from.startsWith('./')),
      );
    expect(wrong).toEqual([]);
  });

  test('environment, clock, network and processes are touched in build/host only', () => {
    const effect = /process\.env\b|Date\.now\(|new Date\(\)|\bfetch\(|from 'node:child_process'|from 'execa'/;
    const allowed = /^build\/(host|testing|bench)\/|\.test\.ts$/;
    expect(sources.filter((path) => !allowed.test(path) && effect.test(read(path)))).toEqual([]);
  });

  test('only cli.ts exits', () => {
    const wrong = sources.filter(
      (path) =>
        path !== 'build/cli.ts' &&
        !/^build\/(testing|bench)\//.test(path) &&
        /process\.exit\(/.test(read(path)),
    );
    expect(wrong).toEqual([]);
  });

  test('only device.ts imports the modules of QuickJS', () => {
    const programs = tracked.filter((path) => path.startsWith('rootfs/programs/') && path.endsWith('.ts'));
    const wrong = programs.filter(
      (path) =>
        path !== 'rootfs/programs/device.ts' && !path.endsWith('.d.ts') && /from '(std|os)'/.test(read(path)),
    );
    expect(wrong).toEqual([]);
  });

  test('a source file over 300 lines says why in its first line', () => {
    const wrong = [
      ...sources,
      ...tracked.filter((path) => /^(rootfs|qemu-tests)\/.*\.ts$/.test(path)),
    ].filter((path) => {
      const lines = read(path).split('\n');
      return lines.length > 300 && !lines[0]?.startsWith('//');
    });
    expect(wrong).toEqual([]);
  });

  test('code knows no system service by name', () => {
    const names = readdirSync('system-services', { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    const production = sources.filter(
      (path) => !path.endsWith('.test.ts') && !/^build\/(testing|bench)\//.test(path),
    );
    const wrong = production.filter((path) =>
      names.some((name) => new RegExp(`=== '${name}'|case '${name}'`).test(read(path))),
    );
    expect(wrong).toEqual([]);
  });

  test('every recipe, system service and device program explains itself in a README', () => {
    const folders = ['recipes', 'system-services'].flatMap((parent) =>
      readdirSync(parent, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => join(parent, entry.name)),
    );
    expect(folders.filter((folder) => !existsSync(join(folder, 'README.md')))).toEqual([]);
  });

  test('no path of one computer and no package registry is named', () => {
    const forbidden = new RegExp(
      [String.raw`deb\.debian` + String.raw`\.org`, 'registry\\.npm' + 'js', '/work/' + '(main|shared)'].join(
        '|',
      ),
    );
    const text = tracked.filter((path) => !/\.(png|svg)$/.test(path));
    expect(text.filter((path) => forbidden.test(read(path)))).toEqual([]);
  });
});
