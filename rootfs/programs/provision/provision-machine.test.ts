import { describe, expect, test } from '@jest/globals';
import { type FakeCommand, makeFakeDevice } from '../testing/fake-device.ts';
import { blankBytes, fatBytes, isoBytes } from '../testing/file-system-bytes.ts';
import { publicKeys } from '../testing/public-keys.ts';
import { renderFault } from './fault.ts';
import { type ProvisionFile, provisionMachine } from './provision-machine.ts';

const key = publicKeys.ed25519;
const engine = {
  format: 1,
  recipe: 'minimal',
  version: '2026.11.0',
  builtAt: 0,
  hostname: 'minimal',
  users: [],
  services: [],
};

interface Situation {
  /** Content of the volume labelled cidata; none without it. */
  readonly seed?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly volume?: Uint8Array;
  readonly commands?: readonly FakeCommand[];
}

function run(situation: Situation) {
  const mount: FakeCommand = (command) => {
    if (command[0] === 'mount') {
      for (const [name, content] of Object.entries(situation.seed ?? {})) {
        device.writeFile(`/run/keelson/seed/${name}`, content);
      }
    }
    return undefined;
  };
  const hasVolume = situation.seed !== undefined;
  const device = makeFakeDevice({
    files: {
      '/usr/lib/keelson/engine.json': JSON.stringify(engine),
      '/proc/sys/kernel/random/uuid': '01234567-89ab-cdef-0123-456789abcdef\n',
      '/sys/class/block/vda/size': '1',
      '/sys/class/block/dm-0/size': '1',
      ...(hasVolume && { '/sys/class/block/vdb/size': '1' }),
      ...situation.files,
    },
    devices: {
      '/dev/vda': blankBytes(),
      '/dev/dm-0': fatBytes('cidata'),
      ...(hasVolume && { '/dev/vdb': situation.volume ?? fatBytes('CIDATA') }),
    },
    commands: [...(situation.commands ?? []), mount],
  });
  provisionMachine(device);
  const report = JSON.parse(device.readFile('/run/keelson/provision.json') ?? '{}') as ProvisionFile;
  return { device, report, faults: report.faults.map(renderFault) };
}

function cloudConfig(body: string, instance = 'i-1') {
  return { 'meta-data': `instance-id: ${instance}\n`, 'user-data': `#cloud-config\n${body}\n` };
}

/** What an earlier boot left on state. */
function copyOf(seed: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(seed).map(([name, text]) => [`/var/lib/keelson/provision/${name}`, text]),
  );
}

test('a seed makes the machine', () => {
  const seed = cloudConfig(`hostname: box\nssh_authorized_keys: [${key}]\nntp: {servers: [ntp.example.org]}`);
  const { device, report } = run({ seed });
  expect(report).toMatchObject({
    source: { kind: 'volume', from: '/dev/vdb' },
    instanceId: 'i-1',
    hostname: 'box',
    users: [{ name: 'root', uid: 0, sshKeys: 1 }],
    faults: [],
  });
  expect(device.readFile('/run/keelson/authorized-keys/root')).toBe(`${key}\n`);
  expect(device.readFile('/run/keelson/etc/hostname')).toBe('box\n');
  expect(device.readFile('/proc/sys/kernel/hostname')).toBe('box\n');
  expect(device.readFile('/run/keelson/etc/hosts')).toContain('127.0.1.1 box\n');
  expect(device.readFile('/run/keelson/etc/resolv.conf')).toBe('');
  expect(device.readFile('/run/keelson/etc/machine-id')).toBe('0123456789abcdef0123456789abcdef\n');
  expect(device.modes.get('/run/keelson/etc/shadow')).toBe(0o600);
  expect(device.readFile('/run/keelson/ntp/sources.d/user-data.sources')).toBe(
    'server ntp.example.org iburst\n',
  );
  expect(device.readFile('/var/lib/keelson/provision/user-data')).toBe(seed['user-data']);
  expect(device.commandsRun.slice(0, 2)).toEqual([
    'mount -t vfat -o ro,nodev,nosuid,noexec /dev/vdb /run/keelson/seed',
    'umount /run/keelson/seed',
  ]);
});

describe('sources', () => {
  test('none: the name of the recipe', () => {
    const { report, device } = run({});
    expect(report).toMatchObject({ source: { kind: 'none' }, hostname: 'minimal', faults: [] });
    expect(device.readFile('/run/keelson/authorized-keys/root')).toBe('');
  });

  test('an ISO 9660 volume', () => {
    const { device } = run({ seed: cloudConfig('hostname: box'), volume: isoBytes('cidata') });
    expect(device.commandsRun[0]).toContain('mount -t iso9660');
  });

  test('the copy, when the volume is gone', () => {
    const { report, faults } = run({ files: copyOf(cloudConfig('hostname: kept\nfqdn: a_b')) });
    expect(report).toMatchObject({ source: { kind: 'copy' }, hostname: 'kept' });
    expect(faults).toEqual([
      'user-data:3:7: fqdn must be letters, digits and hyphens, in parts of at most 63',
    ]);
  });

  test('the volume replaces the copy', () => {
    const { report, device } = run({
      seed: cloudConfig('hostname: fresh', 'i-2'),
      files: copyOf(cloudConfig('hostname: kept')),
    });
    expect(report).toMatchObject({ source: { kind: 'volume' }, hostname: 'fresh', instanceId: 'i-2' });
    expect(device.readFile('/var/lib/keelson/provision/meta-data')).toBe('instance-id: i-2\n');
  });

  test('the copy stays when the volume is of no use', () => {
    const { report, faults } = run({
      seed: { 'meta-data': 'instance-id: i-2\n', 'user-data': '#!/bin/sh\n' },
      files: copyOf(cloudConfig('hostname: kept')),
    });
    expect(report).toMatchObject({ source: { kind: 'copy' }, hostname: 'kept' });
    expect(faults).toEqual(['user-data:1:1: the first line must be "#cloud-config"']);
  });

  test('the name in meta-data counts when user-data has none', () => {
    const { report } = run({
      seed: { 'meta-data': 'local-hostname: metabox\n', 'user-data': '#cloud-config\n' },
    });
    expect(report.hostname).toBe('metabox');
  });
});

describe('what cannot be done is a fault, and the rest is done', () => {
  test.each<[string, Situation, string]>([
    [
      'the volume cannot be mounted',
      {
        seed: {},
        commands: [
          (command) => (command[0] === 'mount' ? { exitCode: 32, stderr: 'mount: bad\n' } : undefined),
        ],
      },
      'seed: /dev/vdb cannot be mounted: mount: bad',
    ],
    ['no user-data', { seed: { 'meta-data': '' } }, 'seed: it has no file user-data'],
    [
      'user-data is a link',
      { seed: { 'meta-data': '', 'user-data': '-> /etc/shadow' } },
      'seed: user-data must be a plain file of at most 262144 bytes',
    ],
    [
      'user-data is huge',
      { seed: { 'meta-data': '', 'user-data': `#cloud-config\n${'#'.repeat(600_000)}` } },
      'seed: user-data must be a plain file of at most 262144 bytes',
    ],
    [
      'meta-data is broken',
      { seed: { 'meta-data': '- a\n', 'user-data': '' } },
      'meta-data:1:1: the file must be a mapping',
    ],
    [
      'a link stands in the way',
      {
        seed: cloudConfig('write_files: [{path: /home/ann/x/a, content: b}]'),
        files: { '/home/ann/x': '-> /etc' },
      },
      'machine: write_files /home/ann/x/a: /home/ann/x is not a folder',
    ],
    [
      'the path is a link',
      { seed: cloudConfig('write_files: [{path: /root/a, content: b}]'), files: { '/root/a': '-> /etc/a' } },
      'machine: write_files /root/a: /root/a exists and is not a file',
    ],
    [
      'bytes after text',
      {
        seed: cloudConfig('write_files: [{path: /root/a, content: AA==, encoding: b64, append: true}]'),
        files: { '/root/a': 'x' },
      },
      'machine: write_files /root/a: only text can be appended to /root/a',
    ],
    [
      'an owner who does not exist',
      {
        seed: cloudConfig('write_files: [{path: /root/a, owner: bob}]'),
        commands: [
          (command) =>
            command[0] === 'chown' ? { exitCode: 1, stderr: 'chown: unknown user bob\n' } : undefined,
        ],
      },
      'machine: write_files /root/a: chown bob /root/a: chown: unknown user bob',
    ],
  ])('%s', (_name, situation, fault) => {
    const { faults, report, device } = run(situation);
    expect(faults).toContain(fault);
    expect(report.hostname).toBe('minimal');
    expect(device.errorsPrinted).toContain(`provision: ${fault}`);
  });

  test('an engine file that is not JSON', () => {
    expect(run({ files: { '/usr/lib/keelson/engine.json': '{' } }).report.hostname).toBe('keelson');
  });
});

describe('files', () => {
  const seed = cloudConfig(`write_files:
  - {path: /root/a, content: new, permissions: "0600"}
  - {path: /run/keelson/files/b, content: volatile}`);

  test('written with owner and mode', () => {
    const { device, report } = run({ seed });
    expect(report.files).toEqual(['/root/a', '/run/keelson/files/b']);
    expect(device.readFile('/root/a')).toBe('new');
    expect(device.commandsRun).toContain('chown root:root /root/a');
    expect(device.commandsRun).toContain('chmod 0600 /root/a');
  });

  test('on state only once for each instance', () => {
    const { device, report } = run({
      seed,
      files: { '/var/lib/keelson/provision/instance': 'i-1', '/root/a': 'changed by its owner' },
    });
    expect(report.files).toEqual(['/run/keelson/files/b']);
    expect(device.readFile('/root/a')).toBe('changed by its owner');
  });

  test('appended', () => {
    const { device } = run({
      seed: cloudConfig('write_files: [{path: /root/a, content: " more", append: true}]'),
      files: { '/root/a': 'some' },
    });
    expect(device.readFile('/root/a')).toBe('some more');
  });
});

test('machine id and uids are kept', () => {
  const { device } = run({
    seed: cloudConfig('users: [bob]'),
    files: {
      '/var/lib/keelson/provision/machine-id': 'ffffffffffffffffffffffffffffffff\n',
      '/var/lib/keelson/provision/uids.json': '{"ann":1000,"bob":1001}',
    },
  });
  expect(device.readFile('/run/keelson/etc/machine-id')).toBe('ffffffffffffffffffffffffffffffff\n');
  expect(device.readFile('/run/keelson/etc/passwd')).toContain('bob:x:1001:1001:');
});

describe('containers', () => {
  const seed = cloudConfig('containers: [{ name: web, image: nginx, environment: { A: secret } }]');
  const list = '/run/keelson/containers/list.json';

  test('are written down for the engine, readable by root alone; the report has their names only', () => {
    const withEngine = { ...engine, services: [{ name: 'engine', startsContainers: true }] };
    const { device, report, faults } = run({
      seed,
      files: { '/usr/lib/keelson/engine.json': JSON.stringify(withEngine) },
    });
    expect(faults).toEqual([]);
    expect(JSON.parse(device.readFile(list) ?? '')).toMatchObject({
      format: 1,
      containers: [{ name: 'web', image: 'nginx', environment: { A: 'secret' } }],
    });
    expect(device.modes.get(list)).toBe(0o600);
    expect(report.containers).toEqual(['web']);
    expect(device.readFile('/run/keelson/provision.json')).not.toContain('secret');
  });

  test('that cannot all be read: the list is there, and a word that nothing is to be taken away', () => {
    const withEngine = { ...engine, services: [{ name: 'engine', startsContainers: true }] };
    const files = { '/usr/lib/keelson/engine.json': JSON.stringify(withEngine) };
    const doubtful = cloudConfig('containers: [{ name: web, image: nginx, ports: [80] }]');
    const { device } = run({ seed: doubtful, files });
    expect(JSON.parse(device.readFile(list) ?? '').containers).toEqual([]);
    expect(device.readFile('/run/keelson/containers/doubtful')).toBe('');
    expect(run({ seed, files }).device.readFile('/run/keelson/containers/doubtful')).toBeUndefined();
  });

  test('on a machine without an engine are noted', () => {
    const { device, report } = run({ seed });
    expect(report.notes).toEqual(['containers is not used: this machine has no engine that starts them']);
    expect(device.readFile(list)).toBeUndefined();
  });
});
