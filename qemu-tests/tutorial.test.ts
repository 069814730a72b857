import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { promise, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { repositoryFolder } from './support/test-workshop.ts';
import { waitFor } from './support/wait-for.ts';

promise("a recipe and a folder are enough for a service of one's own", () => {
  let machine: TestMachine;

  step('the recipe of the tutorial is built and boots', async () => {
    machine = await makeTestMachine({ test: 'tutorial', recipe: 'web', guestPorts: [8080] });
    await machine.boot();
  });

  step('it serves its page', async () => {
    const address = `http://127.0.0.1:${machine.running().portOf(8080)}/`;
    const page = await waitFor(async () => (await fetch(address)).text(), {
      what: 'a page from nginx',
      deadlineMs: 60_000,
    });
    const source = join(repositoryFolder, 'recipes/web/system-services/nginx/files/index.html');
    expect(page).toBe(await readFile(source, 'utf8'));
  });

  step('it runs as a user of its own, without capabilities', async () => {
    const { pid } = await machine.guest.service('nginx');
    const status = await machine.guest.run(`cat /proc/${pid}/status`);
    // User 200 of the service is nobody on the machine: each service has 65536 users of its own.
    const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
    expect(uid).toBeGreaterThan(2 ** 31);
    expect(uid % 65_536).toBe(200);
    expect(status).toMatch(/^CapEff:\s+0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^Seccomp:\s+2$/m);
  });
});
