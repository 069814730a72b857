import { expect, test } from '@jest/globals';
import { readUserData } from './user-data.ts';

function read(body: string) {
  const { containers, faults, notes } = readUserData(`#cloud-config\n${body}`);
  return { containers, faults: faults.map(({ line, message }) => `${line}: ${message}`), notes };
}

test('a container with all its keys, and one with as few as can be', () => {
  const { containers, faults } = read(`containers:
  - name: web
    image: registry.example.org/team/web:1.0
    command: [serve, 80]
    environment: { PASSWORD: open sesame, PORT: 80 }
    ports: ["8080:80", "127.0.0.1:53:53/udp"]
    volumes: ["data:/data", "/home/web:/www:ro"]
    restart: always
  - { name: job, image: nginx, restart: no, environment: [A=b=c] }
`);
  expect(faults).toEqual([]);
  expect(containers).toEqual([
    {
      name: 'web',
      image: 'registry.example.org/team/web:1.0',
      command: ['serve', '80'],
      environment: { PASSWORD: 'open sesame', PORT: '80' },
      ports: ['8080:80', '127.0.0.1:53:53/udp'],
      volumes: ['data:/data', '/home/web:/www:ro'],
      restart: 'always',
    },
    {
      name: 'job',
      image: 'nginx',
      command: [],
      environment: { A: 'b=c' },
      ports: [],
      volumes: [],
      restart: 'no',
    },
  ]);
});

test.each([
  ['containers: [{ image: nginx }]', '2: containers[0] needs name'],
  ['containers: [{ name: web }]', '2: containers[0] needs image'],
  [
    'containers: [{ name: Web, image: nginx }]',
    '2: containers[0].name must be a name of at most 63 small letters, digits, _ and -',
  ],
  [
    'containers: [{ name: web, image: --privileged }]',
    '2: containers[0].image must be the reference of an image',
  ],
  [
    'containers: [{ name: web, image: nginx, ports: [2222:22] }]',
    '2: containers[0].ports[0] must be PORT:PORT, or ADDRESS:PORT:PORT, with /udp where it is not TCP, in quotes',
  ],
  [
    'containers: [{ name: web, image: nginx, volumes: ["../x:/x"] }]',
    '2: containers[0].volumes[0] must be NAME:/PATH or /PATH:/PATH, with :ro where it is only read',
  ],
  [
    'containers: [{ name: web, image: nginx, restart: often }]',
    '2: containers[0].restart must be one of unless-stopped, always, on-failure, no',
  ],
  [
    'containers: [{ name: web, image: nginx, environment: { A: "x\\ny" } }]',
    '2: containers[0].environment.A must be text of one line',
  ],
  [
    'containers: [{ name: web, image: nginx, environment: [secret] }]',
    '2: containers[0].environment needs NAME: value, or NAME=value in a list',
  ],
  ['containers: web', '2: containers must be a mapping'],
])('%s', (body, fault) => {
  const { containers, faults } = read(body);
  expect(faults[0]).toBe(fault);
  expect(containers).toEqual([]);
});

test('one that is wrong leaves the others; what is not known is noted', () => {
  const { containers, notes } = read(
    'containers:\n  - { name: a, image: nginx, privileged: true }\n  - { name: b }\n  - { name: c, image: nginx }\n',
  );
  expect(containers.map(({ name }) => name)).toEqual(['a', 'c']);
  expect(notes).toEqual(['containers[0].privileged is not used on this machine']);
});
