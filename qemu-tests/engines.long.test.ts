import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { startBoxRegistry } from '../build/testing/test-images.ts';
import { addCleanup, addEvidenceSource } from './support/afterwards.ts';
import { importBox } from './support/import-box.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { openTestWorkshop, testOutputFolder } from './support/test-workshop.ts';
import { waitFor } from './support/wait-for.ts';

promise('every engine of users runs side by side with the others', () => {
  let machine: TestMachine;
  const run = (command: string) => machine.guest.run(command);
  const pages = async () => {
    for (const port of [8080, 8081, 8082]) {
      const url = `http://127.0.0.1:${machine.running().portOf(port)}/`;
      const page = await waitFor(
        async () => (await fetch(url, { signal: AbortSignal.timeout(5000) })).text(),
        { what: `an answer from the machine's port ${port}`, deadlineMs: 60_000 },
      );
      expect(page).toBe('hello from a container\n');
    }
  };

  step('a machine with three engines boots', async () => {
    machine = await makeTestMachine({
      test: 'engines',
      recipe: './qemu-tests/recipes/engines',
      memoryMiB: 1536,
      guestPorts: [8080, 8081, 8082],
    });
    addEvidenceSource(async () => {
      const path = join(testOutputFolder, 'engines/network.txt');
      const questions = [
        'keelctl exec docker iptables-save',
        'ip addr',
        'ip route',
        'ss -tln',
        'podman ps -a',
        'docker ps -a',
      ];
      const answers = await Promise.all(
        questions.map(async (question) => `$ ${question}\n${(await machine.guest.try(question)).stdout}\n`),
      );
      await writeFile(path, answers.join('\n'));
      return [path];
    });
    await machine.boot();
    for (const client of ['docker', 'podman', 'ctr']) {
      await waitFor(async () => (await machine.guest.try(`${client} version`)).exitCode === 0, {
        what: `${client} to reach its engine`,
        deadlineMs: 120_000,
      });
    }
    remark(`with three engines:\n${await run('free -m')}`);
  });

  step('each runs a container whose port answers from outside', async () => {
    const folder = join(testOutputFolder, 'engines-registry');
    await rm(folder, { recursive: true, force: true });
    const registry = await startBoxRegistry(await openTestWorkshop(), folder);
    addCleanup(registry.stop);
    const image = `${registry.address.replace('127.0.0.1', '10.0.2.2')}/team/box:1.0`;
    await importBox(machine.guest);
    await run('docker run -d --name one -p 8080:80 box /bin/httpd -f -h /www');
    await run(`podman run -d --name two --tls-verify=false -p 8081:80 ${image} /bin/httpd -f -h /www`);
    await run(`ctr images pull --skip-verify ${image}`);
    await run(`ctr run --detach --null-io --net-host ${image} three /bin/httpd -f -p 8082 -h /www`);
    await pages();
  });

  step('each lists its own, all are in the users’ subtree of control groups', async () => {
    const listing = await run('keelctl workloads 2>&1');
    expect(listing).toMatch(/containerd +default\/three +well/);
    expect(listing).toMatch(/docker +one +well/);
    expect(listing).toMatch(/podman +two +well/);
    const servers = (await run('pidof httpd')).split(' ');
    for (const pid of servers) expect(await run(`cat /proc/${pid}/cgroup`)).toMatch(/^0::\/workloads\//);
  });

  step('engines are restarted one after the other, and no container is', async () => {
    const processes = await run('pidof httpd');
    for (const engine of ['docker', 'podman', 'containerd']) await run(`keelctl restart ${engine}`);
    await pages();
    expect(await run('pidof httpd')).toBe(processes);
  });

  step('a container reaches the outside whichever engine runs it', async () => {
    const url = `http://10.0.2.2:${machine.running().portOf(8080)}/`;
    expect(await run(`docker run --rm box /bin/wget -q -O - ${url}`)).toBe('hello from a container');
    expect(await run(`podman exec two /bin/wget -q -O - ${url}`)).toBe('hello from a container');
  });
});
