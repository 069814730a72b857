import { describe, expect, test } from '@jest/globals';
import { demoService } from '../testing/demo-service.ts';
import { makeFinitStanza } from './finit-stanza.ts';
import type { ServiceDefinition } from './service-definition.ts';

const log = demoService({ name: 'log' });
const network = demoService({ name: 'network', after: ['log'] });
const setUp = demoService({
  name: 'set-up',
  kind: 'one-shot',
  readiness: { kind: 'finished' },
  restart: { policy: 'never', limit: 10, delaySeconds: 1 },
});

function stanzaOf(changes: Partial<ServiceDefinition>): string {
  const service = demoService(changes);
  return makeFinitStanza(service, { services: [log, network, setUp, service] });
}

test('a service with the defaults', () => {
  expect(stanzaOf({})).toBe(
    'service [S023456] <dev/machine-ready> name:web notify:none restart:10 restart_sec:1 oncrash:script halt:SIGTERM kill:10 ' +
      'post:30,/usr/lib/keelson/clean-service log:null /usr/lib/keelson/run-service foreground web -- Serves pages\n',
  );
});

test('a one-shot is a service that run-service ends for good when it is done', () => {
  expect(makeFinitStanza(setUp, { services: [setUp] })).toBe(
    'service [S023456] <dev/machine-ready> name:set-up notify:none restart:0 oncrash:script halt:SIGTERM kill:10 ' +
      'post:30,/usr/lib/keelson/clean-service log:null /usr/lib/keelson/run-service until-done set-up -- Serves pages\n',
  );
});

describe('start conditions', () => {
  const situations: readonly (readonly [string, Partial<ServiceDefinition>, string])[] = [
    [
      'a console that somebody has to choose',
      { console: { name: 'debian', start: 'chosen' }, needs: ['network'] },
      'dev/machine-ready,dev/console-chosen/web,dev/started/network',
    ],
    [
      'a console that starts with the machine',
      { console: { name: 'small', start: 'boot' } },
      'dev/machine-ready',
    ],
    ['needs a service: when it has started', { needs: ['network'] }, 'dev/machine-ready,dev/started/network'],
    [
      'needs a one-shot: when it has ended well',
      { needs: ['set-up'] },
      'dev/machine-ready,dev/started/set-up',
    ],
    [
      'needs a healthy service: when its health check has ended well',
      { needs: ['log', 'network'], needsHealthy: ['network'] },
      'dev/machine-ready,dev/started/log,dev/healthy/network',
    ],
    [
      'after a service: when it has started or been given up',
      { after: ['log'] },
      'dev/machine-ready,dev/settled/log',
    ],
    ['after a service that the machine does not have', { after: ['time'] }, 'dev/machine-ready'],
    [
      'needs is stronger than after',
      { needs: ['log'], after: ['network', 'log'] },
      'dev/machine-ready,dev/started/log,dev/settled/network',
    ],
  ];
  test.each(situations)('%s', (_, changes, conditions) => {
    expect(stanzaOf(changes)).toContain(` <${conditions}> `);
  });

  test('more than finit can read', () => {
    const services = Array.from({ length: 9 }, (_, index) =>
      demoService({ name: `a-long-name-for-a-service-${index}` }),
    );
    const service = demoService({ needs: services.map(({ name }) => name) });
    expect(() => makeFinitStanza(service, { services })).toThrow(
      expect.objectContaining({
        code: 'SERVICE_CONDITIONS_TOO_LONG',
        message: 'Cannot make the start conditions of service web: they are 377 characters, finit takes 191.',
        hint: 'Name fewer services in `needs` and `after`: what those wait for is waited for too.',
      }),
    );
  });
});

describe('restarts and stops', () => {
  const situations: readonly (readonly [string, Partial<ServiceDefinition>, string])[] = [
    [
      'slower',
      { restart: { policy: 'always', limit: 3, delaySeconds: 30 } },
      'restart:3 restart_sec:30 oncrash:script',
    ],
    [
      'never',
      { restart: { policy: 'never', limit: 10, delaySeconds: 1 } },
      'notify:none restart:0 oncrash:script',
    ],
    [
      'only on failure',
      { restart: { policy: 'on-failure', limit: 4, delaySeconds: 1 } },
      'restart:4 restart_sec:1 oncrash:script halt:SIGTERM kill:10 post:30,/usr/lib/keelson/clean-service log:null /usr/lib/keelson/run-service until-done web',
    ],
    ['another signal', { stop: { signal: 'SIGINT', timeoutSeconds: 5 } }, 'halt:SIGINT kill:5'],
    ['longer than finit can wait', { stop: { signal: 'SIGTERM', timeoutSeconds: 300 } }, 'kill:60'],
    [
      'what has nothing to do without a file',
      {
        restart: { policy: 'on-failure', limit: 4, delaySeconds: 1 },
        condition: { fileNotEmpty: '/run/wanted' },
      },
      'run-service until-done web /run/wanted -- ',
    ],
    ['readiness by sd_notify', { readiness: { kind: 'notify' } }, 'run-service notify web'],
    [
      'processes that outlive the first are looked after',
      { namespaces: { ...demoService().namespaces, pid: 'machine' } },
      'run-service watch web',
    ],
  ];
  test.each(situations)('%s', (_, changes, words) => {
    expect(stanzaOf(changes)).toContain(words);
  });
});

test('a description that finit would misread', () => {
  const description = `A "quoted" \\ #comment -- with\ta tab, ${'and so on '.repeat(9)}`;
  expect(stanzaOf({ description }).split(' -- ')[1]).toBe(
    'A quoted  comment - witha tab, and so on and so on and so on an\n',
  );
});
