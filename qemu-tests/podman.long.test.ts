import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { startBoxRegistry } from '../build/testing/test-images.ts';
import { addCleanup } from './support/afterwards.ts';
import type { Guest } from './support/guest.ts';
import { importBox } from './support/import-box.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { openTestWorkshop, testOutputFolder } from './support/test-workshop.ts';
import { waitFor } from './support/wait-for.ts';

promise('root and a user without privilege run Podman containers, which come back with the machine', () => {
  let machine: TestMachine;
  let pilot: Guest;
  /** Of the registry, as the machine sees it. */
  let image: string;
  let processes: string[];

  const run = (command: string) => machine.guest.run(command);
  const page = (guestPort: number): Promise<string> => {
    const url = `http://127.0.0.1:${machine.running().portOf(guestPort)}/`;
    return waitFor(async () => (await fetch(url, { signal: AbortSignal.timeout(5000) })).text(), {
      what: `an answer from the container behind port ${guestPort}`,
      deadlineMs: 60_000,
    });
  };
  const waitForEngines = async () => {
    for (const guest of [machine.guest, pilot]) {
      await waitFor(async () => (await guest.try('podman version')).exitCode === 0, {
        what: 'an engine to answer',
        deadlineMs: 90_000,
      });
    }
  };
  const processOf = (guest: Guest, name: string) =>
    guest.run(`podman inspect --format '{{.State.Pid}} {{.State.StartedAt}}' ${name}`);
  const waitUntilHealthy = (guest: Guest, name: string) =>
    waitFor(
      async () =>
        (await guest.run(`podman inspect --format '{{.State.Health.Status}}' ${name}`)) === 'healthy',
      { what: `${name} to be healthy`, deadlineMs: 90_000 },
    );
  const checkServing = async () => {
    await waitForEngines();
    await waitUntilHealthy(machine.guest, 'web');
    expect(await page(8080)).toBe('hello from a container\n');
    expect(await page(8081)).toBe('hello from a container\n');
  };

  step('a machine of the recipe podman boots, and its registry has an image', async () => {
    const folder = join(testOutputFolder, 'podman-registry');
    await rm(folder, { recursive: true, force: true });
    const registry = await startBoxRegistry(await openTestWorkshop(), folder);
    addCleanup(registry.stop);
    image = `${registry.address.replace('127.0.0.1', '10.0.2.2')}/team/box:1.0`;
    machine = await makeTestMachine({
      test: 'podman',
      recipe: 'podman',
      memoryMiB: 1024,
      guestPorts: [8080, 8081],
      userData: (key) =>
        [
          '#cloud-config',
          `ssh_authorized_keys: ["${key}"]`,
          `users: [{ name: pilot, ssh_authorized_keys: ["${key}"] }]`,
          '',
        ].join('\n'),
    });
    await machine.boot();
    pilot = machine.guestAs('pilot');
    await waitFor(async () => (await machine.guest.service('podman')).state === 'running', {
      what: 'the service podman to run',
      deadlineMs: 90_000,
    });
    remark(`idle, before anybody asked for an engine:\n${await run('free -m')}`);
    await waitForEngines();
    remark(`idle, with an engine of root and one of pilot:\n${await run('free -m')}`);
  });

  step('root pulls an image, imports another, and runs containers of both', async () => {
    await run(`podman pull --quiet --tls-verify=false ${image}`);
    expect(await run(`podman run --rm ${image} /bin/id -u`)).toBe('0');
    await importBox(machine.guest, 'podman import - box');
    expect(await run('podman run --rm box /bin/id -u')).toBe('0');
  });

  step('a container is no part of the service that started it, and its published port answers', async () => {
    await run(
      "mkdir -p /root/data && podman run -d --name web --restart unless-stopped -p 8080:80 --health-cmd 'wget -q -O /dev/null http://127.0.0.1/' --health-interval 10s -v /root/data:/data box /bin/httpd -f -h /www",
    );
    await run('podman exec web /bin/sh -c "echo kept >/data/file"');
    const pid = await run("podman inspect --format '{{.State.Pid}}' web");
    expect(await run(`cat /proc/${pid}/cgroup`)).toMatch(/^0::\/workloads\/podman\/0\//);
    expect(await page(8080)).toBe('hello from a container\n');
  });

  step('containers of one network find each other by name', async () => {
    await run('podman network create crew');
    await run('podman run -d --name page --network crew box /bin/httpd -f -h /www');
    expect(await run('podman run --rm --network crew box /bin/wget -q -O - http://page/')).toBe(
      'hello from a container',
    );
    await run('podman rm --force --time 0 page');
  });

  step('one that ends is started again', async () => {
    await run("podman run -d --name brief --restart always box /bin/sh -c 'sleep 1; exit 3'");
    await waitFor(async () => Number(await run("podman inspect --format '{{.RestartCount}}' brief")) > 0, {
      what: 'another start',
      deadlineMs: 60_000,
    });
    await run('podman rm --force --time 0 brief');
  });

  step('a user without privilege has an engine of their own', async () => {
    expect(await pilot.run("podman info --format '{{.Host.Security.Rootless}}'")).toBe('true');
    expect(await pilot.run('podman images --quiet')).toBe('');
    await pilot.run(`podman pull --quiet --tls-verify=false ${image}`);
    expect(await pilot.run(`podman run --rm ${image} /bin/id -u`)).toBe('0');
    await pilot.run(`podman run -d --name mine --restart always -p 8081:80 ${image} /bin/httpd -f -h /www`);
    const pid = await pilot.run("podman inspect --format '{{.State.Pid}}' mine");
    expect(await run(`grep ^Uid: /proc/${pid}/status`)).toMatch(/^Uid:\s+1000\s/);
    expect(await run(`cat /proc/${pid}/cgroup`)).toMatch(/^0::\/workloads\/podman\/1000\//);
    expect(await page(8081)).toBe('hello from a container\n');
  });

  step('it has ids of its own beyond the user’s, and limits hold', async () => {
    const { stdout } = await pilot.try(`podman run --rm --user 42 ${image} /bin/cat /proc/self/uid_map`);
    expect(stdout.trim().replaceAll(/\s+/g, ' ')).toBe('0 1000 1 1 524288 65536');
    expect(await pilot.run(`podman run --rm --memory 32m ${image} /bin/cat /sys/fs/cgroup/memory.max`)).toBe(
      String(32 * 1024 * 1024),
    );
  });

  step('nobody sees what is another’s', async () => {
    expect(await pilot.run("podman ps --all --format '{{.Names}}'")).toBe('mine');
    expect(await run("podman ps --all --format '{{.Names}}'")).toBe('web');
    const { exitCode } = await pilot.try('CONTAINER_HOST=unix:///run/podman/podman.sock podman ps');
    expect(exitCode).not.toBe(0);
  });

  step('`keelctl workloads` shows the containers of both', async () => {
    await waitUntilHealthy(machine.guest, 'web');
    const listing = await run('keelctl workloads 2>&1');
    expect(listing).toMatch(/podman +web +well +watched/);
    expect(listing).toMatch(/podman +pilot\/mine +well +ignored/);
  });

  step('the engine is restarted, the containers are not', async () => {
    const look = async () => [await processOf(machine.guest, 'web'), await processOf(pilot, 'mine')];
    processes = await look();
    await run('keelctl restart podman');
    await waitForEngines();
    expect(await look()).toEqual(processes);
    expect(await page(8080)).toBe('hello from a container\n');
    expect(await page(8081)).toBe('hello from a container\n');
    expect(await run('podman exec web /bin/cat /data/file')).toBe('kept');
  });

  step('the machine restarts: containers ended in their own time, and are back', async () => {
    const bootId = await machine.guest.bootId();
    await run(
      `podman run -d --name polite --restart unless-stopped -v /root/data:/data box /bin/sh -c 'trap "echo bye >>/data/last-words; exit 0" TERM; while :; do sleep 1 & wait $!; done'`,
    );
    await machine.guest.try('reboot');
    pilot.disconnect();
    await machine.guest.waitForOtherBoot(bootId, 120_000);
    await checkServing();
    expect(await run('cat /root/data/last-words')).toBe('bye');
  });

  step('the power goes away: both engines have their images, and the containers are back', async () => {
    await machine.cutPower();
    pilot.disconnect();
    await machine.boot();
    await checkServing();
    expect(await run("podman images --format '{{.Repository}}' | grep -c box")).toBe('2');
    expect(await run('podman run --rm box /bin/id -u')).toBe('0');
    expect(await pilot.run(`podman run --rm ${image} /bin/id -u`)).toBe('0');
  });
});
