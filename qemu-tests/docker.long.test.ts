import { expect } from '@jest/globals';
import { importBox } from './support/import-box.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { waitFor } from './support/wait-for.ts';

promise('users run Docker containers, which outlive their engine and come back with the machine', () => {
  let machine: TestMachine;
  let process: string;

  const run = (command: string) => machine.guest.run(command);
  const page = async (): Promise<string> => {
    const url = `http://127.0.0.1:${machine.running().portOf(8080)}/`;
    return waitFor(async () => (await fetch(url, { signal: AbortSignal.timeout(5000) })).text(), {
      what: 'an answer from the container',
      deadlineMs: 60_000,
    });
  };
  const waitForEngine = () =>
    waitFor(async () => (await machine.guest.try('docker version')).exitCode === 0, {
      what: 'the engine to answer',
      deadlineMs: 90_000,
    });
  const processOf = (name: string) =>
    run(`docker inspect --format '{{.State.Pid}} {{.State.StartedAt}}' ${name}`);
  const waitUntilHealthy = (name: string) =>
    waitFor(
      async () => (await run(`docker inspect --format '{{.State.Health.Status}}' ${name}`)) === 'healthy',
      {
        what: `${name} to be healthy`,
        deadlineMs: 60_000,
      },
    );

  step('a machine of the recipe docker boots', async () => {
    machine = await makeTestMachine({
      test: 'docker',
      recipe: 'docker',
      memoryMiB: 1024,
      guestPorts: [8080],
    });
    await machine.boot();
    await waitForEngine();
    const log = await run('keelctl ps --json | grep -A6 \'"docker"\' | grep pid; free -m');
    remark(`idle with the engine:\n${log}`);
  });

  step('a container runs, and is no part of the service that started it', async () => {
    await importBox(machine.guest);
    expect(await run('docker run --rm box /bin/id -u')).toBe('0');
    await run(
      "docker run -d --name web --restart unless-stopped -p 8080:80 --health-cmd 'wget -q -O /dev/null http://127.0.0.1/' --health-interval 10s -v /root/data:/data box /bin/httpd -f -h /www",
    );
    await run('docker exec web /bin/sh -c "echo kept >/data/file"');
    const pid = await run("docker inspect --format '{{.State.Pid}}' web");
    expect(await run(`cat /proc/${pid}/cgroup`)).toMatch(/^0::\/workloads\//);
  });

  step('its published port answers from outside', async () => {
    expect(await page()).toBe('hello from a container\n');
  });

  step('it is healthy, and `keelctl workloads` says so', async () => {
    await waitUntilHealthy('web');
    expect(await run('keelctl workloads 2>&1')).toMatch(/docker +web +well +watched/);
  });

  step('the engine is restarted, the container is not', async () => {
    process = await processOf('web');
    await run('keelctl restart docker');
    await waitForEngine();
    expect(await processOf('web')).toBe(process);
    expect(await page()).toBe('hello from a container\n');
    expect(await run('docker exec web /bin/cat /data/file')).toBe('kept');
  });

  step('the machine restarts: the container ended in its own time, and is back', async () => {
    const bootId = await machine.guest.bootId();
    await run(
      `docker run -d --name polite --restart unless-stopped -v /root/data:/data box /bin/sh -c 'trap "echo bye >>/data/last-words; exit 0" TERM; while :; do sleep 1 & wait $!; done'`,
    );
    await machine.guest.try('reboot');
    await machine.guest.waitForOtherBoot(bootId, 120_000);
    await waitForEngine();
    await waitUntilHealthy('web');
    expect(await run('cat /root/data/last-words')).toBe('bye');
    expect(await page()).toBe('hello from a container\n');
  });

  step('the power goes away: the engine has its images, and the container is back', async () => {
    await machine.cutPower();
    await machine.boot();
    await waitForEngine();
    await waitUntilHealthy('web');
    expect(await run("docker images --format '{{.Repository}}'")).toBe('box');
    expect(await run('docker run --rm box /bin/id -u')).toBe('0');
    expect(await page()).toBe('hello from a container\n');
  });
});
