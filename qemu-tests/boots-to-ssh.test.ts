import { expect } from '@jest/globals';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { waitFor } from './support/wait-for.ts';

promise('a machine boots from its firmware to a login, and every service is a container', () => {
  let machine: TestMachine;

  step('minimal is built', async () => {
    machine = await makeTestMachine({ test: 'boots-to-ssh' });
  });

  step('firmware, boot loader, kernel and init lead to a login over SSH', async () => {
    const startedAt = Date.now();
    await machine.boot();
    remark(`firmware to SSH login: ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  });

  step('PID 1 is finit', async () => {
    expect(await machine.guest.run('readlink /proc/1/exe')).toMatch(/\/finit$/);
  });

  step('all seven services run, but for the one that has nothing to do', async () => {
    await waitFor(
      async () => {
        const services = await machine.guest.services();
        const wanted = (name: string) => (name === 'log-forward' ? 'done' : 'running');
        const others = services.filter(({ name, state }) => state !== wanted(name));
        if (others.length > 0) throw new Error(JSON.stringify(others));
        expect(services.map((service) => service.name).sort()).toEqual([
          'console',
          'log',
          'log-forward',
          'network',
          'sshd',
          'time',
          'update',
        ]);
        return true;
      },
      { what: 'all services to run', deadlineMs: 30_000 },
    );
  });

  step('every service has a mount namespace and a cgroup of its own', async () => {
    const { guest } = machine;
    const namespaces = new Set([await guest.run('readlink /proc/1/ns/mnt')]);
    const cgroups = new Set([await guest.run('grep ^0: /proc/1/cgroup')]);
    const services = (await guest.services()).filter(({ state }) => state === 'running');
    for (const { name, pid } of services) {
      if (typeof pid !== 'number') throw new Error(`${name} has no process`);
      namespaces.add(await guest.run(`readlink /proc/${pid}/ns/mnt`));
      const cgroup = await guest.run(`grep ^0: /proc/${pid}/cgroup`);
      expect(cgroup).toContain(name);
      cgroups.add(cgroup);
    }
    expect(namespaces.size).toBe(services.length + 1);
    expect(cgroups.size).toBe(services.length + 1);
  });

  step(
    'every process of a service is in its container, and nothing else runs but init and its helpers',
    async () => {
      const listing = await machine.guest.run(
        'for p in /proc/[0-9]*; do echo "$(readlink $p/exe) $(readlink $p/ns/mnt)"; done',
      );
      const initNamespace = await machine.guest.run('readlink /proc/1/ns/mnt');
      const outside = listing
        .split('\n')
        .filter((line) => line.endsWith(` ${initNamespace}`))
        .map((line) => line.split(' ')[0] ?? '')
        // Threads of the kernel have no program.
        .filter((program) => program !== '');
      const strangers = outside.filter((program) => !/\/(finit|crun|logit|busybox)$/.test(program));
      expect(strangers).toEqual([]);
    },
  );

  step('the root is read-only and comes through dm-verity with the root hash of the build', async () => {
    const { guest, build } = machine;
    const mount = await guest.run('awk \'$2 == "/"\' /proc/1/mounts');
    expect(mount).toMatch(/^\/dev\/(dm-0|mapper\/root|root) \/ erofs ro[ ,]/m);
    expect(await guest.run('cat /sys/block/dm-0/ro')).toBe('1');
    expect(await guest.run('cat /sys/block/dm-0/dm/name')).toBe('root');
    const boot = JSON.parse(await guest.run('cat /run/keelson/boot.json'));
    expect(boot).toMatchObject({ slot: 'a', rootHash: build.rootHash });
    expect(await guest.run('dmesg')).toMatch(/device-mapper: verity/);
  });

  step('not even root can write to it', async () => {
    const { guest } = machine;
    expect((await guest.try('touch /proc/1/root/usr/here')).exitCode).not.toBe(0);
    expect((await guest.try('nsenter -t 1 -m mount -o remount,rw /')).exitCode).not.toBe(0);
    expect((await guest.try('dd if=/dev/zero of=/dev/dm-0 bs=4096 count=1')).exitCode).not.toBe(0);
  });

  step('what a service says is in its log', async () => {
    expect(await machine.guest.run('keelctl logs sshd')).toMatch(/sshd|Server listening/);
  });

  step('a command can be run inside a service', async () => {
    const inside = await machine.guest.run('keelctl exec log /usr/bin/busybox readlink /proc/self/ns/mnt');
    expect(inside).not.toBe(await machine.guest.run('readlink /proc/1/ns/mnt'));
  });

  step('the memory in use is told', async () => {
    const meminfo = await machine.guest.run('cat /proc/meminfo');
    const kiB = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(meminfo)?.[1]);
    const used = (kiB('MemTotal') - kiB('MemAvailable')) / 1024;
    remark(`memory in use: ${used.toFixed(0)} MiB of ${(kiB('MemTotal') / 1024).toFixed(0)}`);
    expect(used).toBeLessThan(128);
  });
});
