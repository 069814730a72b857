import { describe, expect, test } from '@jest/globals';
import { logFile, run } from './demo-machine.ts';

const folder = '/var/lib/keelson/log';
const files = {
  [`${folder}/log.1.jsonl`]: logFile([
    { service: 'kernel', stream: 'kernel', level: 'info', message: 'Run /init as init process' },
    { service: 'finit', stream: 'syslog', level: 'notice', message: 'Starting sshd[237]' },
  ]),
  [`${folder}/log.jsonl`]: `${logFile([
    { message: 'Server listening on 0.0.0.0 port 22.' },
    { service: 'network', stream: 'stdout', level: 'err', message: 'talks about sshd: a lot' },
    {
      service: 'finit',
      stream: 'syslog',
      level: 'warning',
      message: 'Service sshd[237] died, restarting in 2000 msec (1/10)',
    },
  ])}{"seq":6,"time":"2026-`,
};

describe('logs', () => {
  test('of one service, over rotated files, with what finit says about it; a torn line is none', () => {
    expect(run('logs sshd', { files }).printed).toEqual([
      '2026-11-21T08:50:31Z finit syslog notice: Starting sshd[237]',
      '2026-11-21T08:50:31Z sshd stderr: Server listening on 0.0.0.0 port 22.',
      '2026-11-21T08:50:31Z finit syslog warning: Service sshd[237] died, restarting in 2000 msec (1/10)',
    ]);
  });
  test('the last lines of all', () => {
    expect(run('logs -n 2', { files }).printed.map((line) => line.slice(21))).toEqual([
      'network stdout err: talks about sshd: a lot',
      'finit syslog warning: Service sshd[237] died, restarting in 2000 msec (1/10)',
    ]);
  });
  test('only those of a level, or worse', () => {
    expect(run('logs -p err', { files }).printed).toHaveLength(1);
    expect(run('logs --priority warning', { files }).printed).toHaveLength(2);
  });
  test('as JSON: one object a line, with all that is known', () => {
    const [first] = run('logs --json sshd', { files }).printed.slice(1);
    expect(JSON.parse(first ?? '')).toEqual({
      seq: 1,
      time: '2026-11-21T08:50:31.250Z',
      service: 'sshd',
      stream: 'stderr',
      message: 'Server listening on 0.0.0.0 port 22.',
    });
  });
  test('nothing moves the cursor of the terminal', () => {
    const hostile = { [`${folder}/log.jsonl`]: logFile([{ message: 'a\x1b[2Jb\ttab' }]) };
    expect(run('logs', { files: hostile }).printed).toEqual([
      '2026-11-21T08:50:31Z sshd stderr: a\\x1b[2Jb\ttab',
    ]);
  });
  const wrong: readonly (readonly [string, string])[] = [
    ['logs -n many', 'keelctl: The option -n takes a number of lines, such as -n 50.'],
    [
      'logs -p bad',
      'keelctl: The option -p takes a level: emerg, alert, crit, err, warning, notice, info, debug.',
    ],
  ];
  test.each(wrong)('%s', (line, message) => {
    const result = run(line, { files });
    expect(result.errorsPrinted).toEqual([message]);
    expect(result.exitCode).toBe(2);
  });
});
