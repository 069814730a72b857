import { expect } from '@jest/globals';
import { promise, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { waitFor } from './support/wait-for.ts';

promise('a service that dies comes back; one that keeps dying is told and harms nobody', () => {
  let machine: TestMachine;

  step('a machine with a service that ends at once boots', async () => {
    machine = await makeTestMachine({ test: 'service-restart', recipe: './qemu-tests/recipes/failing' });
    await machine.boot();
  });

  step('the service that keeps ending is shown as failed', async () => {
    await waitForState('hopeless', 'failed', 120_000);
  });

  step('what it said is in the log', async () => {
    expect(await machine.guest.run('keelctl logs hopeless')).toContain('there is no hope');
  });

  step('all others run, also the one that starts after it', async () => {
    await waitForState('steady', 'running', 60_000);
    const ending = ['brief', 'chore', 'hopeless', 'log-forward'];
    const others = (await machine.guest.services()).filter(({ name }) => !ending.includes(name));
    expect(others.map(({ name, state }) => `${name} ${state}`).sort()).toEqual(
      ['console', 'log', 'network', 'sshd', 'steady', 'time', 'update'].map((name) => `${name} running`),
    );
  });

  step('one that is restarted on failure only was started again once, and is done', async () => {
    await waitForState('brief', 'done', 60_000);
    expect(await machine.guest.service('brief')).toMatchObject({ restarts: 1 });
  });

  step('a one-shot is done, and runs again when it is told to', async () => {
    const runs = 'cat /var/lib/keelson/services/chore/var-data/runs';
    await waitForState('chore', 'done', 60_000);
    expect(await machine.guest.run(runs)).toBe('ran');
    await machine.guest.run('keelctl start chore');
    expect(await machine.guest.run(runs)).toBe('ran\nran');
  });

  step('what a container says by syslog is in the log', async () => {
    expect(await machine.guest.run('keelctl logs -n 5000')).toContain('chore-by-syslog syslog notice: done');
  });

  step('starting one that ends at once is told as a failure', async () => {
    const { exitCode, stderr } = await machine.guest.try('keelctl start hopeless');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('Cannot start hopeless');
    await waitForState('hopeless', 'failed', 120_000);
  });

  step('a killed service returns with another process', async () => {
    const { pid } = await machine.guest.service('time');
    await machine.guest.run(`kill -KILL ${pid}`);
    await waitFor(
      async () => {
        const service = await machine.guest.service('time');
        if (service.state === 'running' && service.pid && service.pid !== pid) return true;
        throw new Error(JSON.stringify(service));
      },
      { what: 'time to run again', deadlineMs: 60_000 },
    );
  });

  step('a service can be stopped, started and restarted', async () => {
    await machine.guest.run('keelctl stop steady');
    await waitForState('steady', 'stopped', 30_000);
    await machine.guest.run('keelctl start steady');
    await waitForState('steady', 'running', 30_000);
    const { pid } = await machine.guest.service('steady');
    await machine.guest.run('keelctl restart steady');
    await waitFor(
      async () => {
        const service = await machine.guest.service('steady');
        if (service.state === 'running' && service.pid !== pid) return true;
        throw new Error(JSON.stringify(service));
      },
      { what: 'steady to run with another process', deadlineMs: 30_000 },
    );
  });

  step('the failed one can be tried again, and fails again', async () => {
    await machine.guest.try('keelctl restart hopeless');
    await waitForState('hopeless', 'failed', 120_000);
  });

  async function waitForState(name: string, state: string, deadlineMs: number): Promise<void> {
    await waitFor(
      async () => {
        const service = await machine.guest.service(name);
        if (service.state === state) return true;
        throw new Error(JSON.stringify(service));
      },
      { what: `${name} to be ${state}`, deadlineMs },
    );
  }
});
