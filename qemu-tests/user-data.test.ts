import { expect } from '@jest/globals';
import { promise, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';

promise('user-data that is right is obeyed', () => {
  let machine: TestMachine;

  step('a machine boots with user-data that asks for much', async () => {
    machine = await makeTestMachine({
      test: 'user-data-good',
      userData: (key) => `#cloud-config
hostname: harbour
ssh_authorized_keys:
  - ${key}
users:
  - name: pilot
    ssh_authorized_keys: ["${key}"]
write_files:
  - path: /root/greeting
    content: |
      hello
    permissions: '0640'
  - path: /home/pilot/encoded
    encoding: b64
    content: d29ybGQK
ntp:
  servers: [10.0.2.2]
`,
    });
    await machine.boot();
  });

  step('its host name is the one asked for', async () => {
    expect(await machine.guest.run('hostname')).toBe('harbour');
    expect(await machine.guest.run('cat /etc/hostname')).toBe('harbour');
  });

  step('the user is there and may log in', async () => {
    expect(await machine.guest.run('grep ^pilot: /etc/passwd')).toMatch(/^pilot:/);
    const { stdout } = await machine.guestAs('pilot').try('id -un');
    expect(stdout.trim()).toBe('pilot');
  });

  step('the files are written', async () => {
    expect(await machine.guest.run('cat /root/greeting /home/pilot/encoded')).toBe('hello\nworld');
    expect(await machine.guest.run('stat -c %a /root/greeting')).toBe('640');
  });

  step('the time server is the one asked for', async () => {
    expect(await machine.guest.run('keelctl exec time /usr/bin/chronyc -n sources')).toContain('10.0.2.2');
  });
});

promise('user-data with faults does not keep anybody out', () => {
  let machine: TestMachine;

  step('a machine boots with user-data of which half is wrong', async () => {
    machine = await makeTestMachine({
      test: 'user-data-bad',
      userData: (key) => `#cloud-config
hostname: "not a name!"
ssh_authorized_keys:
  - ${key}
  - this is no key
write_files:
  - path: relative/path
    content: x
  - path: /usr/bin/evil
    content: x
  - path: /root/written
    content: yes it is
colour: blue
`,
    });
    await machine.boot();
  });

  step('what was good is done', async () => {
    expect(await machine.guest.run('cat /root/written')).toBe('yes it is');
    expect(await machine.guest.run('hostname')).toBe('keelson');
  });

  step('each fault is told with its line', async () => {
    const told = await machine.guest.run('cat /run/keelson/provision.json');
    const { faults, notes } = JSON.parse(told) as { faults: { line?: number }[]; notes: string[] };
    const lines = faults.map((fault) => fault.line).sort((left = 0, right = 0) => left - right);
    expect(lines).toEqual([2, 5, 7, 9]);
    expect(notes).toEqual(['colour is not used on this machine']);
  });

  step('and in the log', async () => {
    expect(await machine.guest.run('cat /var/lib/keelson/log/* ; dmesg')).toMatch(/user-data:2:11/);
  });
});

promise('user-data that is not even YAML', () => {
  let machine: TestMachine;

  step('a machine boots with it', async () => {
    machine = await makeTestMachine({
      test: 'user-data-broken',
      userData: (key) => `#cloud-config\nssh_authorized_keys:\n  - ${key}\nhostname: [unclosed\n`,
    });
    await machine.powerOn();
  });

  step('its services run all the same: the serial line has a login', async () => {
    await machine.waitForSerial(/keelson:~#|login:/);
  });
});
