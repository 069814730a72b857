import { describe, expect, test } from '@jest/globals';
import { readUserData } from './user-data.ts';

function read(body: string) {
  const { logTargets, faults, notes } = readUserData(`#cloud-config\n${body}`);
  return { targets: logTargets, faults: faults.map(({ line, message }) => `${line}: ${message}`), notes };
}

describe('log_forward', () => {
  const situations: readonly (readonly [string, string])[] = [
    ['syslog+tls://logs.example.org', 'tls logs.example.org 6514 /'],
    ['syslog+tcp://10.0.0.5:1514', 'tcp 10.0.0.5 1514 /'],
    ['syslog+udp://[fd00::5]', 'udp [fd00::5] 514 /'],
    ['json+https://logs.example.org/in?a=b', 'https logs.example.org 443 /in?a=b'],
    ['journal+http://10.0.2.2/upload', 'http 10.0.2.2 19532 /upload'],
  ];
  test.each(situations)('%s', (url, shown) => {
    const { targets, faults } = read(`log_forward: ["${url}"]`);
    expect(faults).toEqual([]);
    expect(targets.map(({ transport, host, port, path }) => `${transport} ${host} ${port} ${path}`)).toEqual([
      shown,
    ]);
  });

  test('with a token and an authority of its own', () => {
    const { targets } = read(
      'log_forward: [{ url: "json+https://a.example/", token: abc, authority: "-----BEGIN CERTIFICATE-----\\nAA\\n-----END CERTIFICATE-----\\n" }]',
    );
    expect(targets).toMatchObject([{ token: 'abc', authority: expect.stringContaining('BEGIN') }]);
  });

  const schemes =
    'one of syslog+udp, syslog+tcp, syslog+tls, json+http, json+https, journal+http, journal+https';
  const faulty: readonly (readonly [string, string])[] = [
    [
      'log_forward: tcp://a',
      `2: log_forward must be a URL such as syslog+tls://logs.example.org (${schemes})`,
    ],
    [
      'log_forward: ["syslog+tcp://a,exec=b"]',
      `2: log_forward[0] must be a URL such as syslog+tls://logs.example.org (${schemes})`,
    ],
    [
      'log_forward: ["syslog+tcp://a:99999"]',
      `2: log_forward[0] must be a URL such as syslog+tls://logs.example.org (${schemes})`,
    ],
    ['log_forward: [{ token: a }]', '2: log_forward[0] needs a url'],
    ['log_forward: [{ url: "json+http://a/", token: b }]', '2: log_forward[0].token is only sent over https'],
    [
      'log_forward: [{ url: "json+https://a/", token: "a\\nb" }]',
      '2: log_forward[0].token must be letters, digits and ._~+/=-',
    ],
    [
      'log_forward: [{ url: "json+https://a/", authority: "a file" }]',
      '2: log_forward[0].authority must be certificates in PEM',
    ],
    [
      'rsyslog: { remotes: { a: "@@" } }',
      '2: rsyslog.remotes.a must be an address such as @@logs.example.org:514',
    ],
  ];
  test.each(faulty)('%s', (body, message) => {
    const { targets, faults } = read(body);
    expect(targets).toEqual([]);
    expect(faults).toEqual([message]);
  });
});

test('rsyslog.remotes, as cloud-init has it', () => {
  const { targets, notes } = read(
    'rsyslog: { remotes: { a: "@@10.0.0.5:1514", b: "*.* @10.0.0.6", c: 10.0.0.7 }, configs: [] }',
  );
  expect(targets.map(({ url }) => url)).toEqual([
    'syslog+tcp://10.0.0.5:1514',
    'syslog+udp://10.0.0.6',
    'syslog+udp://10.0.0.7',
  ]);
  expect(notes).toEqual(['rsyslog.configs is not used on this machine']);
});
