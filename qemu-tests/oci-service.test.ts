import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { makeOciLayout } from '../build/testing/make-oci-layout.ts';
import { startTestRegistry } from '../build/testing/oci-registry.ts';
import { busyboxLayer, pushImage } from '../build/testing/test-images.ts';
import type { Workshop } from '../build/tools/workshop.ts';
import { addCleanup } from './support/afterwards.ts';
import { promise, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { openTestWorkshop, runKeelson, testOutputFolder } from './support/test-workshop.ts';
import { waitFor } from './support/wait-for.ts';

/** Says how it was started, then serves it. */
const entrypoint = [
  'sh',
  '-c',
  'echo "$GREETING, $(id -un) in $(pwd)" > /data/page; exec httpd -f -p 8080 -h /data',
];

promise('three lines make a machine that serves from an OCI image', () => {
  const folder = join(testOutputFolder, 'oci-service-recipe');
  let machine: TestMachine;

  step('an image is pushed to a registry', async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const workshop = await openTestWorkshop();
    const registry = await startTestRegistry(workshop, join(folder, 'registry'));
    addCleanup(registry.stop);
    await makeImage(workshop, join(folder, 'image'));
    await pushImage(workshop, registry, {
      layoutFolder: join(folder, 'image'),
      name: 'team/web',
      tag: '1.0',
    });
    const recipe = [
      'name: web',
      'extends: minimal',
      `services: [{ name: web, image: { from: "${registry.address}/team/web:1.0", authorities: registry/registry.crt }, ports: [8080/tcp], namespaces: { network: machine } }]`,
    ];
    await writeFile(join(folder, 'recipe.yaml'), `${recipe.join('\n')}\n`);
  });

  step('locking pins its digest', async () => {
    const { changes } = (await runKeelson(['lock', folder])) as { changes: readonly string[] };
    expect(changes[0]).toMatch(
      /^added {4}image 127\.0\.0\.1:\d+\/team\/web:1\.0 sha256:[0-9a-f]{64} \(service\/web\)$/,
    );
    expect(await runKeelson(['lock', folder])).toMatchObject({ changes: [] });
  });

  step('the machine boots, and the service runs', async () => {
    machine = await makeTestMachine({ test: 'oci-service', recipe: folder });
    await machine.boot();
    await waitFor(async () => (await machine.guest.service('web')).state === 'running', {
      what: 'web to run',
      deadlineMs: 60_000,
    });
  });

  step('it answers, as the user, in the folder and with the variables of its image', async () => {
    const page = await waitFor(() => machine.guest.run('busybox wget -q -O - http://127.0.0.1:8080/page'), {
      what: 'an answer',
      deadlineMs: 60_000,
    });
    expect(page.trim()).toBe('Hello, web in /srv');
  });

  step('its volume is on state, with what the image has there, and its root is read-only', async () => {
    const volume = '/var/lib/keelson/services/web/data';
    expect((await machine.guest.run(`stat -c '%U:%u %a' ${volume}`)).replace(/.*:/, '')).toBe('1000 750');
    expect(await machine.guest.run(`cat ${volume}/page`)).toContain('Hello');
    expect(await machine.guest.run(`cat ${volume}/seed`)).toBe('of the image');
    const { exitCode } = await machine.guest.try('keelctl exec web /bin/busybox touch /srv/new');
    expect(exitCode).not.toBe(0);
  });
});

async function makeImage(workshop: Workshop, folder: string): Promise<void> {
  await makeOciLayout(folder, {
    '1.0': {
      layers: [
        await busyboxLayer(workshop, ['sh', 'id', 'httpd']),
        [
          {
            name: 'etc/passwd',
            content: 'root:x:0:0::/:/bin/sh\nweb:x:1000:1000::/srv:/bin/sh\n',
            mode: 0o644,
          },
          { name: 'srv/', type: 'directory', mode: 0o755 },
          { name: 'data/', type: 'directory', mode: 0o750, uid: 1000, gid: 1000 },
          { name: 'data/seed', content: 'of the image', mode: 0o600, uid: 1000, gid: 1000 },
        ],
      ],
      config: {
        User: 'web',
        Env: ['PATH=/bin', 'GREETING=Hello'],
        Entrypoint: entrypoint,
        WorkingDir: '/srv',
        Volumes: { '/data': {} },
      },
    },
  });
}
