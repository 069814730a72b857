import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { FaultList } from '../errors/fault-list.ts';
import { demoService } from '../testing/demo-service.ts';
import { capabilityNames } from './capability-names.ts';
import { loadLayer } from './load-layer.ts';
import { loadService } from './load-service.ts';
import { listPrivileges, scoreExposure } from './privileges.ts';
import type { ServiceDefinition } from './service-definition.ts';

const repositoryFolder = join(import.meta.dirname, '..', '..');
const own = demoService().namespaces;
const bind = { isRecursive: false, propagation: 'private' } as const;

const namesOf = (changes: Partial<ServiceDefinition>) =>
  listPrivileges(demoService(changes)).map(({ name }) => name);

describe('privileges', () => {
  test('a service that asks for nothing has none: root in it is nobody on the machine', () => {
    expect(namesOf({})).toEqual([]);
    expect(scoreExposure(listPrivileges(demoService()))).toBe(0);
  });

  test('everything beyond the default is told', () => {
    expect(
      namesOf({
        capabilities: ['CAP_NET_ADMIN'],
        namespaces: { ...own, network: 'machine', pid: 'machine' },
        mounts: [
          { ...bind, source: '/run', target: '/run', isReadOnly: false },
          { ...bind, source: '/a', target: '/b', isReadOnly: true },
        ],
        devices: ['/dev/ttyS0'],
        isRootReadOnly: false,
        hasNewPrivileges: true,
        seccomp: 'unconfined',
        apparmor: 'unconfined',
      }),
    ).toEqual([
      'root',
      'CAP_NET_ADMIN',
      'no seccomp filter',
      'no AppArmor policy',
      'new privileges',
      'writable root',
      "machine's network namespace",
      "machine's pid namespace",
      '/dev/ttyS0',
      'writes /run',
      'reads /a',
    ]);
  });

  test('what a service brings itself may be laxer than the default', () => {
    expect(
      namesOf({
        seccomp: { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] },
        apparmor: { path: '/rules', rules: '/** rw,' },
        devices: 'all',
      }),
    ).toEqual(['root', 'seccomp filter of its own', 'AppArmor rules of its own', 'all devices']);
  });

  test('folders from which the machine can be had weigh more than others', () => {
    const exposureOf = (source: string, isReadOnly: boolean) =>
      scoreExposure(
        listPrivileges(
          demoService({
            namespaces: { ...own, user: 'own' },
            mounts: [{ ...bind, source, target: '/a', isReadOnly }],
          }),
        ),
      );
    expect(exposureOf('/run', false)).toBeGreaterThan(exposureOf('/run/keelson/etc/hosts', false));
    expect(exposureOf('/var/lib/keelson', true)).toBeGreaterThan(exposureOf('/run/keelson/ntp', true));
  });

  test('an administrator has the highest exposure, whatever else it has', () => {
    const privileges = listPrivileges(demoService({ capabilities: [...capabilityNames], devices: 'all' }));
    expect(privileges.map(({ name }) => name)).toContain('all capabilities');
    expect(scoreExposure(privileges)).toBe(100);
  });
});

/** Those of the machine tests are left out: some are there to have too much. */
const serviceFiles = globSync('{,recipes/*/}system-services/*/service.yaml', {
  cwd: repositoryFolder,
}).sort();

describe('no service has more than its README justifies', () => {
  test('there are services of the repository and of recipes', () => {
    expect(serviceFiles).toEqual(
      expect.arrayContaining([
        'recipes/web/system-services/nginx/service.yaml',
        'system-services/sshd/service.yaml',
      ]),
    );
  });

  test.each(serviceFiles)('%s', async (file) => {
    const folder = dirname(join(repositoryFolder, file));
    const service = await load(dirname(folder), basename(folder));
    const reasons = readReasons(await readFile(join(folder, 'README.md'), 'utf8'));
    expect([...reasons.keys()].sort()).toEqual(
      listPrivileges(service)
        .map(({ name }) => name)
        .sort(),
    );
    expect([...reasons].filter(([, reason]) => reason.length < 8)).toEqual([]);
  });

  test('a privilege without a reason, and a reason without its privilege, are found', () => {
    const readme = '| privilege | reason |\n|---|---|\n| `CAP_KILL`, `root` | to stop them |\n';
    expect([...readReasons(readme)]).toEqual([
      ['CAP_KILL', 'to stop them'],
      ['root', 'to stop them'],
    ]);
    expect(readReasons('no table').size).toBe(0);
  });
});

async function load(folder: string, name: string): Promise<ServiceDefinition> {
  const faults = new FaultList();
  const context = {
    recipe: {
      name: 'r',
      version: '2026.11.0',
      description: 'd',
      hostname: 'h',
      architecture: 'x86-64',
      suites: ['trixie'],
    },
  } as const;
  const place = { file: 'recipe.yaml' };
  const loaded = await loadService(
    { name, place, values: new Map(), options: new Map() },
    {
      folders: [folder, join(dirname(folder), 'system-services'), join(repositoryFolder, 'system-services')],
      wantedNames: undefined,
      context,
      findLayer: (layer) => loadLayer({ name: layer, place }, repositoryFolder, context, faults),
    },
    faults,
  );
  faults.throwIfAny();
  if (loaded === undefined) throw new Error(`there is no service ${name}`);
  return loaded.definition;
}

/** The table "privilege, reason" of a README: each name between backticks, with the reason of its line. */
function readReasons(readme: string): ReadonlyMap<string, string> {
  const lines = readme.split('\n');
  const head = lines.findIndex((line) => /^\| *privilege *\| *reason *\|$/.test(line));
  if (head === -1) return new Map();
  const end = lines.findIndex((line, index) => index > head && !line.startsWith('|'));
  const rows = lines.slice(head + 2, end === -1 ? undefined : end);
  return new Map(
    rows.flatMap((row) => {
      const [, names = '', reason = ''] = row.split('|');
      return [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']): [string, string] => [
        name,
        reason.trim(),
      ]);
    }),
  );
}
