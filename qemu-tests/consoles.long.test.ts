import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { makeDeb } from '../build/testing/make-deb.ts';
import { addCleanup } from './support/afterwards.ts';
import type { FileServer } from './support/file-server.ts';
import { plainUserData } from './support/machine.ts';
import { makeBundle } from './support/make-bundle.ts';
import { serveFolder } from './support/serve-folder.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { testOutputFolder } from './support/test-workshop.ts';
import { waitForRecord } from './support/update-history.ts';
import { waitFor } from './support/wait-for.ts';

/** A whole Debian is unpacked and configured under emulation. */
const unpackDeadlineMs = 600_000;
const recipe = './qemu-tests/recipes/consoles';
const greeting = 'a package from outside';

promise('sessions land in the console that was chosen; a whole Debian is one, and is kept', () => {
  const folder = join(testOutputFolder, 'consoles/www');
  let machine: TestMachine;
  let server: FileServer;

  const run = (command: string) => machine.guest.run(command);
  const consoleOf = async (): Promise<string> =>
    (await run('cat /proc/self/cgroup')).replace('0::/services/', '');
  const waitUntilDebian = () =>
    waitFor(async () => (await consoleOf()) === 'console-debian', {
      what: 'a session in the Debian',
      deadlineMs: 60_000,
    });
  const behavesAsBefore = async (): Promise<void> => {
    expect((await machine.guest.try('echo out; echo err >&2; exit 7')).exitCode).toBe(7);
    const { stdout, stderr } = await machine.guest.try('echo out; echo err >&2');
    expect({ stdout, stderr }).toEqual({ stdout: 'out', stderr: 'err' });
    const terminal = { rows: 33, cols: 99 };
    expect((await machine.guest.try('stty size; test -t 0 && pwd', { terminal })).stdout.trim()).toBe(
      '33 99\r\n/root',
    );
    await run('keelctl ps >/dev/null && ls /run/keelson/state.json && test "$USER$HOME" = root/root');
  };

  step('a machine whose user-data names its small console boots, and a package waits outside', async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await writeRepository(folder);
    server = await serveFolder(folder);
    machine = await makeTestMachine({
      test: 'consoles/machine',
      recipe,
      memoryMiB: 1024,
      diskSizeBytes: 3 * 1024 ** 3,
      userData: (key) => `${plainUserData(key)}console: small\n`,
    });
    await machine.boot();
  });

  step('sessions land in the small console, not in the server’s container', async () => {
    await waitFor(async () => (await consoleOf()) === 'console', { what: 'the console', deadlineMs: 30_000 });
    expect(JSON.parse(await run('keelctl console status --json'))).toMatchObject({
      console: 'small',
      by: 'user-data',
      state: 'ready',
    });
    expect(await run('which vi ip ping top ps keelctl crun | wc -l')).toBe('7');
    const states = await machine.guest.services();
    expect(states.find(({ name }) => name === 'console-debian')?.state).toBe('standby');
    await run('keelctl status >/dev/null');
  });

  step('exit codes, terminals, sizes and environment are as with the server alone', behavesAsBefore);

  step('an agent is forwarded into it', async () => {
    const socket = join(testOutputFolder, 'consoles/agent');
    await rm(socket, { force: true });
    const agent = createServer();
    await new Promise<void>((resolve) => {
      agent.listen(socket, resolve);
    });
    addCleanup(async () => {
      agent.close();
    });
    const guest = machine.guest.withAgent(socket);
    expect(await guest.run('test -S "$SSH_AUTH_SOCK" && cat /proc/self/cgroup')).toBe('0::/services/console');
    guest.disconnect();
  });

  step('one is switched: until the Debian is ready, sessions go on where they were, and say so', async () => {
    await run('(keelctl console switch debian >/root/switch.log 2>&1 &)');
    await waitFor(
      async () => {
        const { stdout, stderr } = await machine.guest.try('cat /proc/self/cgroup');
        expect(stderr).toMatch(/this is not the console debian: it is being (started|unpacked|set up)/);
        return stdout.trim() === '0::/services/sshd';
      },
      { what: 'a session that says that the Debian is not ready', deadlineMs: 30_000 },
    );
  });

  step(
    'the Debian is made of the image’s packages, without a network',
    async () => {
      const log = await waitFor(
        async () => {
          const text = await run('cat /root/switch.log');
          if (/Sessions that begin|keelctl:/.test(text)) return text;
          throw new Error(text);
        },
        { what: 'the end of `keelctl console switch debian`', deadlineMs: unpackDeadlineMs },
      );
      remark(log);
      expect(log).toContain('Sessions that begin from now on land in debian.');
      await waitUntilDebian();
      remark(
        `${await run('cat /etc/debian_version; dpkg -l | grep -c ^ii; du -sxm / | cut -f1')} (version, packages, MiB)`,
      );
      expect(await run('dpkg --audit')).toBe('');
      await run('apt-get check');
    },
    { deadlineMs: unpackDeadlineMs + 60_000 },
  );

  step('in it, sessions behave the same, with a bash', async () => {
    await behavesAsBefore();
    expect(await run('echo $SHELL; test -n "$BASH_VERSION" && echo bash')).toBe('/bin/bash\nbash');
    expect(JSON.parse(await run('keelctl console list --json'))[1]).toMatchObject({
      isChosen: true,
      state: 'ready',
    });
    expect(await run('keelctl logs -n 1 sshd | wc -l')).toBe('1');
    expect(await run('keelctl exec network busybox ip route')).toContain('default');
  });

  step('a file copied there by SFTP is in the Debian', async () => {
    const path = join(folder, 'greeting_1.0_all.deb');
    await machine.guest.copyTo(path, '/opt/copied.deb');
    expect(await run('dpkg-deb --field /opt/copied.deb Package && cat /proc/self/cgroup')).toBe(
      'greeting\n0::/services/console-debian',
    );
  });

  step('apt installs a package over the network', async () => {
    await run(`echo 'deb [trusted=yes] ${server.url}/ ./' >/etc/apt/sources.list.d/outside.list`);
    remark(await run('apt-get update -q 2>&1 && apt-get install -q -y greeting 2>&1'));
    expect(await run('greeting')).toBe(greeting);
  });

  step('the power goes away: the machine comes back with the Debian, as it was', async () => {
    await run('sync');
    await machine.cutPower();
    await machine.boot();
    await waitUntilDebian();
    expect(await run('greeting; dpkg --audit')).toBe(greeting);
  });

  step(
    'the machine is updated: the other slot runs, and the Debian is the same',
    async () => {
      await makeBundle(recipe, '2026.11.1', folder, 'next.raucb');
      await run(`keelctl update install ${server.url}/next.raucb`);
      await waitForRecord(machine, { event: 'committed', version: '2026.11.1' });
      expect(JSON.parse(await run('cat /run/keelson/boot.json')).version).toBe('2026.11.1');
      await waitUntilDebian();
      expect(await run('greeting; dpkg --audit; cat /etc/keelson-version')).toBe(`${greeting}\n2026.11.0`);
    },
    { deadlineMs: 600_000 },
  );

  step('its users break it: nobody is locked out', async () => {
    await run('mv /usr/bin/bash /usr/bin/bash.away');
    const { stdout, stderr } = await machine.guest.try('cat /proc/self/cgroup');
    expect(stdout.trim()).toBe('0::/services/sshd');
    expect(stderr).toContain('this is not the console debian: its shell /bin/bash does not work');
    const environment = { KEELSON_CONSOLE: 'small' };
    expect((await machine.guest.try('cat /proc/self/cgroup', { environment })).stdout.trim()).toBe(
      '0::/services/console',
    );
  });

  step('back to the small console, at once and without a restart', async () => {
    expect((await machine.guest.try('keelctl console switch small')).exitCode).toBe(0);
    expect(await consoleOf()).toBe('console');
    expect(JSON.parse(await run('keelctl console status --json'))).toMatchObject({
      console: 'small',
      by: 'person',
    });
  });

  step(
    'the Debian is made anew, of the packages of the version that runs',
    async () => {
      expect(await run('keelctl console reset debian')).toContain('The console debian is ready.');
      await run('keelctl console switch debian');
      await waitUntilDebian();
      expect(await run('cat /etc/keelson-version; which greeting || echo none')).toBe('2026.11.1\nnone');
    },
    { deadlineMs: unpackDeadlineMs },
  );
});

/** What apt takes for a flat repository: sources.list(5). */
async function writeRepository(folder: string): Promise<void> {
  const control = {
    Package: 'greeting',
    Version: '1.0',
    Architecture: 'all',
    Maintainer: 'Tests <tests@example.org>',
    Description: 'says something',
  };
  const deb = await makeDeb(control, [
    { name: './usr/', type: 'directory' },
    { name: './usr/bin/', type: 'directory' },
    { name: './usr/bin/greeting', mode: 0o755, text: `#!/bin/sh\necho ${greeting}\n` },
  ]);
  const file = 'greeting_1.0_all.deb';
  await writeFile(join(folder, file), deb);
  const stanza = {
    ...control,
    Filename: `./${file}`,
    Size: String(deb.length),
    SHA256: createHash('sha256').update(deb).digest('hex'),
  };
  const lines = Object.entries(stanza).map(([name, value]) => `${name}: ${value}\n`);
  await writeFile(join(folder, 'Packages'), lines.join(''));
}
