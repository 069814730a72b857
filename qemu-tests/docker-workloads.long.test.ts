import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { makeOciLayout } from '../build/testing/make-oci-layout.ts';
import { startTestRegistry, type TestRegistry } from '../build/testing/oci-registry.ts';
import { busyboxLayer, pushImage } from '../build/testing/test-images.ts';
import { addCleanup } from './support/afterwards.ts';
import { plainUserData } from './support/machine.ts';
import { makeBundle } from './support/make-bundle.ts';
import { serveFolder } from './support/serve-folder.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { openTestWorkshop, runKeelson, testOutputFolder } from './support/test-workshop.ts';
import { waitForRecord } from './support/update-history.ts';
import { waitFor } from './support/wait-for.ts';

/** Two services that share a volume: one writes down each of its starts, the other shows it. */
const composeFile = (registry: string) => `services:
  clerk:
    image: ${registry}/team/books:1.0
    init: true
    command: [sh, -c, 'echo opened >>/books/index.html; sync; exec sleep 1000000']
    volumes: [books:/books]
  front:
    image: ${registry}/team/books:1.0
    init: true
    command: [httpd, -f, -p, "80", -h, /books]
    restart: unless-stopped
    depends_on: [clerk]
    ports: ["8081:80"]
    volumes: [books:/books:ro]
volumes:
  books:
`;

const recipeOne = (registry: string) => `name: shop
version: 2026.11.0
description: A machine that comes up serving
extends: docker
services: [{ name: docker, with: [compose] }]
containers:
  - name: web
    image: { from: "${registry}/team/web:1.0", authorities: registry.crt }
    ports: ["8080:80"]
  - { name: old, image: { from: "${registry}/team/web:1.0", authorities: registry.crt }, command: [sleep, "1000000"] }
compose:
  - { name: books, file: compose.yaml, authorities: registry.crt }
`;

const recipeTwo = (registry: string) => `name: shop
version: 2026.11.1
extends: ..
containers:
  - name: web
    image: { from: "${registry}/team/web:2.0", authorities: registry.crt }
    ports: ["8080:80"]
  - { name: old, disabled: true }
`;

promise('a machine comes up serving, without a network and with one', () => {
  const folder = join(testOutputFolder, 'docker-workloads-recipe');
  const updates = join(folder, 'www');
  let machine: TestMachine;
  let registry: TestRegistry;

  const run = (command: string) => machine.guest.run(command);
  /** What the port answers, when it is as wanted. */
  const page = (guestPort: number, wanted: RegExp, deadlineMs = 120_000): Promise<string> =>
    waitFor(
      async () => {
        const url = `http://127.0.0.1:${machine.running().portOf(guestPort)}/`;
        const text = await (await fetch(url, { signal: AbortSignal.timeout(5000) })).text();
        if (wanted.test(text)) return text;
        throw new Error(text);
      },
      { what: `port ${guestPort} to answer ${wanted.source}`, deadlineMs },
    );
  const bookings = async (times: number) => {
    const text = await page(8081, new RegExp(`^(?:opened\n){${times}}$`));
    expect(text).toBe('opened\n'.repeat(times));
  };
  const stateOf = (name: string) =>
    run(`docker inspect --format '{{.State.Status}} {{.Image}}' ${name} 2>&1 || true`);

  step('images are pushed to a registry', async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(updates, { recursive: true });
    const workshop = await openTestWorkshop();
    registry = await startTestRegistry(workshop, join(folder, 'registry'));
    addCleanup(registry.stop);
    const busybox = await busyboxLayer(workshop, ['sh', 'httpd', 'sleep', 'sync', 'echo']);
    const serve = ['httpd', '-f', '-p', '80', '-h', '/www'];
    const image = (text: string) => ({
      layers: [busybox, [{ name: 'www/index.html', content: text, mode: 0o644 }]],
      config: { Env: ['PATH=/bin'], Cmd: serve, StopSignal: 'SIGKILL' },
    });
    await makeOciLayout(join(folder, 'web'), { '1.0': image('web 1\n'), '2.0': image('web 2\n') });
    await makeOciLayout(join(folder, 'books'), { '1.0': image('books\n') });
    for (const tag of ['1.0', '2.0'])
      await pushImage(workshop, registry, { layoutFolder: join(folder, 'web'), name: 'team/web', tag });
    const books = { layoutFolder: join(folder, 'books'), name: 'team/books', tag: '1.0' };
    await pushImage(workshop, registry, books);
  });

  step(
    'a recipe names containers and a Compose file; locking pins their images',
    async () => {
      const two = join(folder, 'two');
      await mkdir(two);
      for (const place of [folder, two]) await copyFile(registry.authority, join(place, 'registry.crt'));
      await writeFile(join(folder, 'compose.yaml'), composeFile(registry.address));
      await writeFile(join(folder, 'recipe.yaml'), recipeOne(registry.address));
      await writeFile(join(two, 'recipe.yaml'), recipeTwo(registry.address));
      const { changes } = (await runKeelson(['lock', folder])) as { changes: readonly string[] };
      expect(changes.slice(0, 4)).toEqual(
        [
          'books:1.0 .* \\(compose/books/clerk\\)',
          'books:1.0 .* \\(compose/books/front\\)',
          'web:1.0 .* \\(container/old\\)',
          'web:1.0 .* \\(container/web\\)',
        ].map((each) => expect.stringMatching(new RegExp(`^added +image .*/team/${each}$`))),
      );
      await runKeelson(['lock', two]);
    },
    { deadlineMs: 600_000 },
  );

  step(
    'a machine of it boots without a network: its containers run, from images that were built in',
    async () => {
      const authority = await readFile(registry.authority, 'utf8');
      const inGuest = registry.address.replace('127.0.0.1', '10.0.2.2');
      machine = await makeTestMachine({
        test: 'docker-workloads',
        recipe: folder,
        memoryMiB: 1024,
        guestPorts: [8080, 8081, 8082],
        userData: (key) => `${plainUserData(key)}write_files:
  - path: /run/keelson/files/docker/certs.d/${inGuest}/ca.crt
    content: |
${authority.replace(/^(?=.)/gm, '      ')}
  - path: /home/late/index.html
    content: |
      of the owner
containers:
  - name: late
    image: ${inGuest}/team/web:1.0
    ports: ["8082:80"]
    volumes: ["/home/late:/www:ro"]
    environment: { GREETING: hello }
`,
      });
      await machine.boot({ isIsolated: true });
      await page(8080, /^web 1$/m, 240_000);
      await bookings(1);
      expect(await stateOf('old')).toMatch(/^running/);
      remark(await run('docker images; docker ps; df -h /var/lib/keelson | tail -1'));
    },
    { deadlineMs: 900_000 },
  );

  step('what cannot be pulled is told, and waits', async () => {
    const told = await waitFor(
      async () => {
        const listing = await run('keelctl workloads');
        if (/ late +missing/.test(listing)) return listing;
        throw new Error(listing);
      },
      { what: 'a missing container to be told', deadlineMs: 120_000 },
    );
    remark(told);
    expect(told).toMatch(/ web +well +watched/);
  });

  step(
    'the power goes away, and comes back with a network: all of them run, and what is the owner’s is pulled',
    async () => {
      await machine.cutPower();
      await machine.boot();
      await page(8080, /^web 1$/m, 180_000);
      await bookings(2);
      expect(await page(8082, /owner/, 180_000)).toBe('of the owner\n');
      expect(await run("docker exec late sh -c 'echo $GREETING'")).toBe('hello');
    },
  );

  step('the engine is restarted: no container is', async () => {
    const names = ['web', 'old', 'late', 'books-clerk-1', 'books-front-1'];
    const starts = () => run(`docker inspect --format '{{.Name}} {{.State.StartedAt}}' ${names.join(' ')}`);
    const before = await starts();
    await run('keelctl restart docker');
    await waitFor(async () => (await machine.guest.try('docker version')).exitCode === 0, {
      what: 'the engine to answer',
      deadlineMs: 90_000,
    });
    // It looks at everything once more, and has nothing to do.
    await waitFor(async () => (await run("ps -o args | grep -c '[c]ontainer-starter' || true")) === '0', {
      what: 'the starter to end',
      deadlineMs: 120_000,
    });
    expect(await starts()).toBe(before);
  });

  step('somebody stops one: it stays so; the machine restarts, and the rest is back', async () => {
    await run('docker stop old');
    const bootId = await machine.guest.bootId();
    await machine.guest.try('reboot');
    await machine.guest.waitForOtherBoot(bootId, 180_000);
    await page(8080, /^web 1$/m, 180_000);
    await bookings(3);
    await page(8082, /owner/);
    expect(await stateOf('old')).toMatch(/^exited/);
    await run('docker start old');
    expect(await run('docker compose ls')).toMatch(/books +running\(2\)/);
  });

  step(
    'an update brings another image and lacks a container: it is applied, and the version is kept',
    async () => {
      await makeBundle(join(folder, 'two'), '2026.11.1', updates, 'two');
      const server = await serveFolder(updates);
      await run(`keelctl update install ${server.url}/two`);
      await waitForRecord(machine, { event: 'committed', version: '2026.11.1' }, 600_000);
      await page(8080, /^web 2$/m);
      await bookings(4);
      expect(await stateOf('old')).toMatch(/no such/i);
      remark(await run('keelctl workloads; docker images'));
    },
    { deadlineMs: 1_200_000 },
  );
});
