import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { growMachineDisk } from '../build/qemu/machine-files.ts';
import { importBox } from './support/import-box.ts';
import { plainUserData } from './support/machine.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { testOutputFolder } from './support/test-workshop.ts';
import { waitFor } from './support/wait-for.ts';

const names = ['one', 'two'] as const;
type Name = (typeof names)[number];

/** Docker allows no swarm while containers live on without their engine. */
const userData = (name: Name) => (key: string) =>
  `${plainUserData(key)}hostname: ${name}
write_files:
  - path: /run/keelson/files/docker/daemon.json
    content: '{ "live-restore": false }'
`;

promise('two machines are a swarm, which runs a replicated service', () => {
  const machines = new Map<Name, TestMachine>();
  const machine = (name: Name): TestMachine => {
    const found = machines.get(name);
    if (found === undefined) throw new Error(`there is no machine ${name}`);
    return found;
  };
  const run = (name: Name, command: string) => machine(name).guest.run(command);
  const addresses = { one: '10.77.0.1', two: '10.77.0.2' } as const;
  /** As an operator would give a second network card its address. */
  const plugIn = async (name: Name): Promise<void> => {
    await run(name, `ip link set eth1 up && ip addr replace ${addresses[name]}/24 dev eth1`);
  };
  const waitForEngine = (name: Name) =>
    waitFor(async () => (await machine(name).guest.try('docker version')).exitCode === 0, {
      what: `the engine of ${name} to answer`,
      deadlineMs: 120_000,
    });
  /** The machines that say that a copy runs there, in order. */
  const placesOf = async (service: string): Promise<string> => {
    const format = "--filter desired-state=running --format '{{.Node}} {{.CurrentState}}'";
    const lines = (await run('one', `docker service ps ${service} ${format}`)).split('\n');
    return lines
      .filter((line) => / Running /.test(line))
      .map((line) => line.split(' ')[0])
      .sort()
      .join(' ');
  };
  const waitForPlaces = (service: string, places: string, deadlineMs: number) =>
    waitFor(
      async () => {
        const found = await placesOf(service);
        if (found === places) return true;
        throw new Error(`they run on: ${found}`);
      },
      { what: `${service} to run on ${places}`, deadlineMs },
    );
  /** What the published port of a machine answers. */
  const page = (name: Name) =>
    waitFor(
      async () => {
        const url = `http://127.0.0.1:${machine(name).running().portOf(8080)}/`;
        return (await fetch(url, { signal: AbortSignal.timeout(5000) })).text();
      },
      { what: `port 8080 of ${name} to answer`, deadlineMs: 120_000 },
    );

  step(
    'two machines boot, with a cable between them',
    async () => {
      const folder = join(testOutputFolder, 'swarm-cable');
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      for (const [index, name] of names.entries()) {
        const peer = names[1 - index] as Name;
        const made = await makeTestMachine({
          test: `swarm-${name}`,
          recipe: 'docker',
          memoryMiB: 1024,
          guestPorts: [8080],
          userData: userData(name),
          cable: {
            socketPath: join(folder, name),
            peerSocketPath: join(folder, peer),
            address: `52:54:00:77:00:0${index + 1}`,
          },
        });
        // A manager's log alone takes 128 MB, from its first line on.
        await growMachineDisk(made.workshop, made.files, 3 * 1024 ** 3);
        machines.set(name, made);
      }
      await Promise.all(names.map((name) => machine(name).boot()));
      for (const name of names) {
        await waitForEngine(name);
        await plugIn(name);
      }
      expect(await run('one', `ping -c 1 -W 20 ${addresses.two}`)).toMatch(/1 packets received|1 received/);
      expect(await run('one', "docker info --format '{{.LiveRestoreEnabled}}'")).toBe('false');
    },
    { deadlineMs: 600_000 },
  );

  step('one starts a swarm, and the other joins', async () => {
    await run('one', `docker swarm init --advertise-addr ${addresses.one}`);
    const token = await run('one', 'docker swarm join-token --quiet worker');
    await run(
      'two',
      `docker swarm join --advertise-addr ${addresses.two} --token ${token} ${addresses.one}:2377`,
    );
    const nodes = await waitFor(
      async () => {
        const listing = await run('one', "docker node ls --format '{{.Hostname}} {{.Status}}'");
        if (/one Ready/.test(listing) && /two Ready/.test(listing)) return listing;
        throw new Error(listing);
      },
      { what: 'both to be ready', deadlineMs: 120_000 },
    );
    remark(nodes);
  });

  step(
    'a service with two copies runs on both, and its port answers on both',
    async () => {
      for (const name of names) await importBox(machine(name).guest);
      await run('one', 'docker network create --driver overlay --attachable between');
      await run(
        'one',
        'docker service create --detach --no-resolve-image --name web --replicas 2 --replicas-max-per-node 1 --network between --publish 8080:80 box /bin/httpd -f -p 80 -h /www',
      );
      await waitForPlaces('web', 'one two', 180_000);
      for (const name of names) expect(await page(name)).toBe('hello from a container\n');
    },
    { deadlineMs: 600_000 },
  );

  step('containers on different machines reach each other by name over the overlay network', async () => {
    const lookUp = 'docker run --rm --network between box /bin/wget -q -O - http://web/';
    for (const name of names) expect(await run(name, lookUp)).toBe('hello from a container');
    // Each of the two, not whichever the service's address leads to.
    const remote = await run(
      'two',
      "docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' $(docker ps --quiet --filter name=web)",
    );
    const overlay = remote.split(' ').find((address) => address.startsWith('10.0.1.'));
    expect(overlay).toBeDefined();
    expect(
      await run('one', `docker run --rm --network between box /bin/wget -q -O - http://${overlay}/`),
    ).toBe('hello from a container');
  });

  step(
    'one machine loses its power: the port answers on the other; it comes back, and so does its copy',
    async () => {
      await machine('two').cutPower();
      await waitFor(
        async () => /two Down/.test(await run('one', "docker node ls --format '{{.Hostname}} {{.Status}}'")),
        {
          what: 'the swarm to miss two',
          deadlineMs: 120_000,
        },
      );
      expect(await page('one')).toBe('hello from a container\n');
      await machine('two').boot();
      await plugIn('two');
      await waitForEngine('two');
      await waitForPlaces('web', 'one two', 300_000);
      expect(await page('two')).toBe('hello from a container\n');
    },
    { deadlineMs: 900_000 },
  );
});
