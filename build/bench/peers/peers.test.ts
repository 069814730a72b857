import { mkdtemp, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { countPackages } from './package-status.ts';
import { enginePackages, systemPackages } from './packages.ts';
import { peerDisk } from './peer-disk.ts';
import { hasRange } from './user-range.ts';
import { writePeerFiles } from './write-files.ts';

const read = (path: string): Promise<string> => readFile(new URL(`mkosi/${path}`, import.meta.url), 'utf8');
const setting = (text: string, name: string): string[] => {
  const [, value = ''] = new RegExp(`^${name}=(.*(?:\\n[ \\t].*)*)`, 'm').exec(text) ?? [];
  return value.split(/\s+/);
};

describe("mkosi's configuration is what mmdebstrap is told", () => {
  test('the packages', async () => {
    expect(setting(await read('mkosi.conf'), 'Packages')).toEqual(systemPackages);
    expect(setting(await read('mkosi.profiles/docker.conf'), 'Packages')).toEqual(enginePackages);
  });

  test('the partitions', async () => {
    const mebibytes = (sectors: number): string => `${sectors / 2048}M`;
    const esp = await read('mkosi.repart/00-esp.conf');
    expect(setting(esp, 'SizeMinBytes')).toEqual([mebibytes(peerDisk.espSectors)]);
    const root = await read('mkosi.repart/10-root.conf');
    expect(setting(root, 'SizeMinBytes')).toEqual([mebibytes(peerDisk.rootSectors)]);
  });

  test("the kernel's command line", async () => {
    const words = setting(await read('mkosi.conf'), 'KernelCommandLine');
    expect(words.join(' ')).toBe(peerDisk.kernelArguments);
  });
});

test('another round changes one file; what the SSH server reads is open to root only', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keelson-peer-'));
  try {
    const files = join(folder, 'files');
    const network = join(files, 'etc/systemd/network/80-ethernet.network');
    await writePeerFiles(files, 'ssh-ed25519 AAAA me', 1);
    const before = await readFile(network, 'utf8');
    await writePeerFiles(files, 'ssh-ed25519 AAAA me', 2);
    expect(await readFile(network, 'utf8')).not.toBe(before);
    expect(await readFile(join(files, 'root/.ssh/authorized_keys'), 'utf8')).toBe('ssh-ed25519 AAAA me\n');
    const modeOf = async (path: string) => ((await stat(join(files, path))).mode & 0o777).toString(8);
    const modes = await Promise.all(['etc', 'root/.ssh', 'root/.ssh/authorized_keys'].map(modeOf));
    expect(modes).toEqual(['755', '700', '600']);
    expect(
      await readlink(join(files, 'etc/systemd/system/multi-user.target.wants/systemd-networkd.service')),
    ).toBe('/usr/lib/systemd/system/systemd-networkd.service');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("dpkg's status counts what is installed, not what was removed", () => {
  const status = ['install ok installed', 'deinstall ok config-files', 'install ok installed']
    .map((state, index) => `Package: p${index}\nStatus: ${state}\nVersion: 1\n`)
    .join('\n');
  expect(countPackages(status)).toBe(2);
});

test.each([
  ['ann:100000:65536\n', true],
  ['1000:100000:65536\n', true],
  ['ann:100000:1000\n', false],
  ['annette:100000:65536\n', false],
  ['', false],
])('subuid(5) with %j has enough users for ann: %s', (text, expected) => {
  expect(hasRange(text, { username: 'ann', uid: 1000 })).toBe(expected);
});
