import { expect, test } from '@jest/globals';
import { loadFixture, recipeText, serviceText } from '../recipe/fixture-repository.ts';

const recipe = 'recipes/mine/recipe.yaml';
const service = 'system-services/a/service.yaml';

async function load(...lines: readonly string[]) {
  const loaded = await loadFixture({
    [recipe]: recipeText('mine', 'services: [a]'),
    [service]: serviceText('a', ...lines),
    'system-services/a/a.conf.hbs': 'port {{values.port}}',
    'rootfs/layers/tools/layer.yaml': 'name: tools\ndescription: T\naccounts: [{ name: op, uid: 70 }]\n',
  });
  return loaded.services[0];
}

test('a service of three lines is confined as far as can be', async () => {
  expect(await load()).toMatchObject({
    kind: 'long-running',
    command: ['/usr/bin/a'],
    environment: {},
    workingFolder: '/',
    user: { uid: 0, gid: 0 },
    capabilities: [],
    namespaces: { network: 'own', pid: 'own', ipc: 'own', uts: 'own', cgroup: 'own' },
    mounts: [],
    devices: [],
    writable: [],
    temporary: ['/run', '/tmp'],
    isRootReadOnly: true,
    hasNewPrivileges: false,
    seccomp: 'default',
    resources: { memoryBytes: 64 * 1024 ** 2, pids: 64, cpuWeight: 100 },
    restart: { policy: 'always', limit: 10, delaySeconds: 1 },
    stop: { signal: 'SIGTERM', timeoutSeconds: 10 },
    after: [],
    needs: [],
    readiness: { kind: 'started' },
    health: undefined,
    ports: [],
    values: {},
  });
});

test('a one-shot is ready when it has finished, and is not started again', async () => {
  expect(await load('type: one-shot')).toMatchObject({
    kind: 'one-shot',
    restart: { policy: 'never' },
    readiness: { kind: 'finished' },
  });
});

test('fields are rendered with the values', async () => {
  const loaded = await load(
    'values: { port: 2222 }',
    'environment: { PORT: "{{values.port}}", HOST: "{{recipe.hostname}}" }',
    'health: { command: [/usr/bin/check, "{{values.port}}"] }',
    'ports: ["{{values.port}}/tcp", 53/udp]',
    'namespaces: { network: machine }',
  );
  expect(loaded).toMatchObject({
    environment: { HOST: 'mine', PORT: '2222' },
    health: {
      command: ['/usr/bin/check', '2222'],
      intervalSeconds: 30,
      timeoutSeconds: 5,
      retries: 3,
      startPeriodSeconds: 0,
      startIntervalSeconds: 2,
    },
    ports: [
      { port: 2222, protocol: 'tcp' },
      { port: 53, protocol: 'udp' },
    ],
  });
});

test('files of each kind', async () => {
  const loaded = await load(
    'values: { port: 1 }',
    'files:',
    '  - /usr/sbin/a',
    '  - { path: /etc/a.conf, source: a.conf.hbs, mode: 0600, gid: 7 }',
    '  - { path: /etc/b, content: b, mode: "0o640" }',
    '  - { path: /bin/sh, link: busybox }',
    '  - { path: /usr/lib/state.js, program: state }',
    '  - { path: /data, folder: true, mode: 1777 }',
    'writable: [/data]',
  );
  expect(loaded?.files.map(({ place, ...file }) => file)).toEqual([
    { kind: 'package', path: '/usr/sbin/a' },
    { kind: 'source', path: '/etc/a.conf', source: 'a.conf.hbs', mode: 0o600, uid: 0, gid: 7 },
    { kind: 'content', path: '/etc/b', content: 'b', mode: 0o640, uid: 0, gid: 0 },
    { kind: 'link', path: '/bin/sh', target: 'busybox' },
    { kind: 'program', path: '/usr/lib/state.js', program: 'state' },
    { kind: 'folder', path: '/data', mode: 0o1777, uid: 0, gid: 0 },
  ]);
  expect(loaded?.files[1]?.place).toMatchObject({ line: 7, column: 5 });
});

test('what is mounted or kept at /run is not hidden by memory; users come from layers too', async () => {
  const loaded = await load(
    'layers: [tools]',
    'user: op',
    'mounts: [{ source: /run, readOnly: false, recursive: true, propagation: slave }]',
    'writable: [/tmp]',
    'temporary: [/var/log]',
    'stop: { signal: INT }',
    'capabilities: [CAP_SYS_TIME, CAP_CHOWN, CAP_SYS_TIME]',
  );
  expect(loaded).toMatchObject({
    user: { uid: 70, gid: 70 },
    mounts: [{ source: '/run', target: '/run', isReadOnly: false, isRecursive: true, propagation: 'slave' }],
    temporary: ['/var/log'],
    stop: { signal: 'SIGINT' },
    capabilities: ['CAP_CHOWN', 'CAP_SYS_TIME'],
  });
});
