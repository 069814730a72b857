import { expect, test } from '@jest/globals';
import { type FakeCommand, makeFakeDevice } from '../testing/fake-device.ts';
import { runKeelctl } from './run-keelctl.ts';

const data = '/var/lib/keelson/services/web/data';
const content = '/usr/lib/keelson/services/web/rootfs/data';
const engine = {
  services: [{ name: 'web', stateFolders: [{ path: data, uid: 101, gid: 102, mode: 0o750, content }] }],
};

function prepare(commands: readonly FakeCommand[] = [], files: Readonly<Record<string, string>> = {}) {
  const device = makeFakeDevice({
    arguments: ['prepare-services'],
    files: { '/usr/lib/keelson/engine.json': JSON.stringify(engine), ...files },
    commands,
  });
  return { device, run: () => runKeelctl(device) };
}

/** What cp leaves behind. */
const copying =
  (put: (path: string) => void): FakeCommand =>
  ([program, applet, , , target = '']) => {
    if (program === 'busybox' && applet === 'cp') put(`${target}/page`);
    return undefined;
  };

test('the content of a volume is copied once, whole', () => {
  const { device, run } = prepare([copying((path) => device.writeFile(path, 'from the image'))]);
  expect(run()).toBe(0);
  const aside = '/var/lib/keelson/services/web/-new';
  expect(device.commandsRun).toEqual([
    `rm -rf ${aside}`,
    `busybox cp -a ${content} ${aside}`,
    'sync -f /var/lib/keelson/services/web',
    `chown 101:102 ${data}`,
    `chmod 750 ${data}`,
  ]);
  device.commandsRun.length = 0;
  expect(run()).toBe(0);
  expect(device.commandsRun.filter((command) => command.includes('cp'))).toEqual([]);
});

test('what cannot be copied is told, and there is no half of it', () => {
  const { device, run } = prepare([
    ([program]) => (program === 'busybox' ? { exitCode: 1, stderr: 'no space' } : undefined),
  ]);
  expect(run()).toBe(1);
  expect(device.errorsPrinted.join()).toContain(`Cannot prepare ${data}: no space`);
  expect(device.status(data)).toBeUndefined();
});
