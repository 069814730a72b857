import { expect } from '@jest/globals';
import type { EngineFile } from '../build/contract/engine-file.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { waitFor } from './support/wait-for.ts';

/** As /sys/kernel/security/apparmor/features has them, for every kind of rule that policies are made of. */
const neededFeatures: Readonly<Record<string, readonly string[]>> = {
  'file/mask': ['create', 'read', 'write', 'exec', 'mmap_exec', 'link', 'lock'],
  'caps/mask': ['sys_admin', 'sys_module', 'checkpoint_restore'],
  'network_v8/af_mask': ['unix', 'inet', 'inet6', 'netlink', 'packet'],
  'mount/mask': ['mount', 'umount', 'pivot_root'],
  'namespaces/mask': ['userns_create'],
  'ptrace/mask': ['read', 'trace'],
  'signal/mask': ['kill', 'stop'],
};

/** What a service that is taken over tries; none of them ends with code 0. */
const escapes: readonly (readonly [what: string, command: string])[] = [
  ['mounting', 'busybox mount -t tmpfs none /tmp'],
  ['mounting anew what is read-only', 'busybox mount -o remount,rw /proc/sys'],
  ['unmounting what hides', 'busybox umount /proc/kcore'],
  ['loading a module', 'busybox insmod /usr/bin/busybox'],
  [
    'reading another service’s files',
    'busybox cat /var/lib/keelson/services/neighbour/var-lib-captive/secret',
  ],
  [
    'finding a way there by /proc',
    'busybox cat /proc/1/root/var/lib/keelson/services/neighbour/var-lib-captive/secret',
  ],
  ['writing to /proc/sys', 'echo 1 >/proc/sys/kernel/sysrq'],
  ['asking the kernel to restart', 'echo b >/proc/sysrq-trigger'],
  [
    'making the disk’s device and reading it',
    'busybox mknod /tmp/disk b 254 0 && busybox head -c 4 /tmp/disk',
  ],
  ['writing to /sys', 'echo 0 >/sys/kernel/mm/ksm/run'],
  ['changing the network', 'busybox ip link set lo down'],
  ['widening its limits', 'echo max >/sys/fs/cgroup/memory.max'],
  ['another root', 'busybox chroot /tmp /usr/bin/busybox true'],
  ['namespaces', 'busybox unshare -m busybox true'],
  ['users of its own making', 'busybox unshare -U busybox true'],
  ['entering the namespaces of its first process', 'busybox nsenter -t 1 -m busybox true'],
  ['setting the clock', 'busybox date -s 2030-01-01 && busybox date | busybox grep 2030'],
  ['changing the name', 'busybox hostname other'],
  ['reading the kernel’s log', 'busybox dmesg'],
  ['changing its own program', 'echo x >/usr/bin/busybox'],
  ['running what it wrote', 'busybox cp /usr/bin/busybox /tmp/busybox && /tmp/busybox true'],
  [
    'running it by the dynamic linker',
    'busybox cp /usr/bin/busybox /tmp/busybox && /lib64/ld-linux-x86-64.so.2 /tmp/busybox true',
  ],
  ['restarting the machine', 'busybox reboot -f'],
];

promise('a service that is taken over stays where it is', () => {
  let machine: TestMachine;

  step('a machine with services that do what they are told boots, and all of them run', async () => {
    machine = await makeTestMachine({ test: 'confinement', recipe: './qemu-tests/recipes/confined' });
    await machine.boot();
    const services = await machine.guest.services();
    expect(
      services.filter(({ state }) => state !== 'running').map(({ name, state }) => `${name} ${state}`),
    ).toEqual(['log-forward done']);
    const log = await machine.guest.run('dmesg');
    expect(log.split('\n').filter((line) => / Cannot (set|make|prepare) |was not loaded/.test(line))).toEqual(
      [],
    );
  });

  step('the kernel has the policy of each service that has one', async () => {
    const profiles = await machine.guest.run('cat /sys/kernel/security/apparmor/profiles');
    expect(profiles.split('\n').sort()).toEqual(
      [
        'captive',
        'log',
        'log-forward',
        'neighbour',
        'network',
        'networked',
        'nginx',
        'policed',
        'rooted',
        'time',
      ].map((name) => `keelson.${name} (enforce)`),
    );
  });

  step('the kernel can mediate what the policies were compiled for', async () => {
    for (const [file, words] of Object.entries(neededFeatures)) {
      const feature = await machine.guest.run(`cat /sys/kernel/security/apparmor/features/${file}`);
      expect(feature.split(/\s+/)).toEqual(expect.arrayContaining([...words]));
    }
  });

  step('no service of the machine was refused what it needs', async () => {
    expect(await denials()).toEqual([]);
  });

  step('users of a service are nobody on the machine, and its files are theirs', async () => {
    const { pid } = await machine.guest.service('captive');
    const status = await machine.guest.run(`cat /proc/${pid}/status`);
    expect(status).toMatch(/^Uid:\s+389[0-9]{7}\s/m);
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^Seccomp:\s+2$/m);
    expect(await tell('captive', 'busybox id -u; busybox stat -c %u /var/lib/captive')).toBe('0\n0\ncode 0');
    expect(await machine.guest.run('stat -c %u /var/lib/keelson/services/captive/var-lib-captive')).toBe('0');
  });

  step('what they have of the machine’s /sys is read-only', async () => {
    const mounts = await tell('networked', 'busybox grep " /sys" /proc/self/mounts');
    // In place of control groups, which these users cannot mount, crun puts an empty tmpfs that holds nothing but its own top.
    const standIn = /^tmpfs \/sys\/fs\/cgroup tmpfs rw,\S*nr_inodes=1,/;
    const lines = mounts.split('\n').filter((line) => !standIn.test(line));
    expect(lines.filter((line) => / \/sys\S* \S+ rw/.test(line))).toEqual([]);
    expect(mounts).toContain(' /sys ');
    expect(await tell('networked', 'echo >/sys/fs/cgroup/x')).not.toContain('code 0');
  });

  step('a check has no more than its service, and a program that a session runs there neither', async () => {
    const check = await waitFor(
      async () => {
        const { exitCode, stdout } = await machine.guest.try(
          'cat /var/lib/keelson/services/captive/var-lib-captive/check',
        );
        return exitCode === 0 && stdout;
      },
      { what: 'the health check of captive', deadlineMs: 90_000 },
    );
    expect(check).toMatch(
      /^keelson\.captive \(enforce\)\nCapEff:\s+0{16}\nNoNewPrivs:\s+1\nSeccomp:\s+2\n?$/,
    );
    const label = 'keelctl exec captive /usr/bin/busybox cat /proc/self/attr/current';
    expect(await machine.guest.run(label)).toBe('keelson.captive (enforce)');
  });

  for (const name of ['captive', 'networked', 'rooted'] as const) {
    step(`${name} manages none of ${escapes.length} ways out`, async () => {
      await machine.guest.run('echo it is mine >/var/lib/keelson/services/neighbour/var-lib-captive/secret');
      const answers = new Map<string, string>();
      for (const [what, command] of escapes) answers.set(what, await tell(name, command));
      remark([...answers].map(([what, answer]) => `${what}: ${answer.replaceAll('\n', '; ')}`).join('\n'));
      const managed = [...answers].filter(([, answer]) => answer.endsWith('code 0'));
      expect(managed).toEqual([]);
    });
  }

  step('the filter alone refuses a call, the policy alone a program', async () => {
    const users = 'busybox unshare -U busybox true';
    const own = 'busybox cp /usr/bin/busybox /tmp/busybox && /tmp/busybox true';
    expect(await tell('loose', users)).toBe('code 0');
    expect(await tell('loose', own)).toBe('code 0');
    expect(await tell('filtered', users)).toContain('Operation not permitted');
    expect(await tell('filtered', own)).toBe('code 0');
    expect(await tell('policed', users)).toContain('Permission denied');
    expect(await tell('policed', own)).toContain('Permission denied');
    expect(await denials()).toContainEqual(
      expect.stringMatching(/operation="exec".*profile="keelson\.policed" name="\/tmp\/busybox"/),
    );
  });

  step('rules, filter and limits of a service’s own hold', async () => {
    expect(await tell('neighbour', 'busybox hostname other')).toContain('Function not implemented');
    expect(await tell('neighbour', 'busybox cat /etc/secret')).toContain('Permission denied');
    const group = '/sys/fs/cgroup/services/neighbour';
    const limits = 'memory.max memory.min pids.max cpu.max cpu.weight io.max';
    expect(await machine.guest.run(`cd ${group} && head -n 1 -q ${limits}`)).toMatch(
      /^33554432\n4194304\n16\n50000 100000\n50\n[0-9]+:0 rbps=max wbps=8388608 riops=max wiops=max$/,
    );
  });

  step('the system tier has its reserve', async () => {
    const group = '/sys/fs/cgroup/services';
    const engine = JSON.parse(await machine.guest.run('cat /usr/lib/keelson/engine.json')) as EngineFile;
    const reserves = engine.services.map(({ memoryReserveBytes }) => memoryReserveBytes);
    expect(await machine.guest.run(`cat ${group}/memory.min`)).toBe(
      String(reserves.reduce((sum, each) => sum + each, 0)),
    );
    expect(await machine.guest.run(`cat ${group}/sshd/memory.min`)).toBe(String(32 * 1024 * 1024));
    expect(await machine.guest.run(`cat ${group}/cpu.weight`)).toBe('1000');
  });

  /** What a service's first process answers to a command. */
  async function tell(name: string, command: string): Promise<string> {
    const folder = `/var/lib/keelson/services/${name}/var-lib-captive`;
    const quoted = `'${command.replaceAll("'", `'\\''`)}'`;
    return machine.guest.run(
      `cd ${folder} && rm -f answer && echo ${quoted} >ask && timeout 60 sh -c 'until [ -e answer ]; do sleep 0.1; done; cat answer'`,
    );
  }

  async function denials(): Promise<readonly string[]> {
    const log = await machine.guest.run('dmesg');
    return log.split('\n').filter((line) => line.includes('apparmor="DENIED"'));
  }
});
