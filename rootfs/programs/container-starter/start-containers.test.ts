// Over 300 lines: one engine of one machine, and all that can happen to a container on it.
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { BuiltInImage, ContainerRequest, StartList } from '../../../build/contract/container.ts';
import { type FakeDevice, makeFakeDevice } from '../testing/fake-device.ts';
import { FakeEngine } from './fake-engine.ts';
import { startContainers } from './start-containers.ts';

const recipeList = '/usr/lib/containers/list.json';
const ownerList = '/run/keelson/containers/list.json';
const told = '/run/keelson/containers/told.jsonl';
const osRelease = '/usr/lib/os-release';
const shopFile = '/run/keelson/files/compose/shop/compose.yaml';

let engine: FakeEngine;
let device: FakeDevice;

beforeEach(() => {
  engine = new FakeEngine();
  engine.registry.set('quay.io/web:1', 'sha256:web1').set('quay.io/web:2', 'sha256:web2');
  device = makeFakeDevice({
    files: { [osRelease]: 'ID=keelson\nVERSION_ID=2026.11.0\n' },
    commands: [engine.answer],
  });
});

const wish = (changes: Partial<ContainerRequest> = {}): ContainerRequest => ({
  name: 'web',
  image: 'quay.io/web:1',
  command: [],
  environment: {},
  ports: [],
  volumes: [],
  restart: 'unless-stopped',
  ...changes,
});

function ask(
  containers: readonly ContainerRequest[],
  { projects = [], images = [] }: { projects?: string[]; images?: BuiltInImage[] } = {},
  file = recipeList,
): void {
  const list: StartList = { format: 1, containers, projects, images };
  device.writeFile(file, JSON.stringify(list));
}

/** What was done since the last time. */
function start(): readonly string[] {
  engine.done.splice(0);
  startContainers(device, 'docker');
  return [...engine.done];
}

/** As if it had been started anew: what is in memory is gone. */
function restartMachine(version?: string): void {
  for (const path of [...device.files.keys()]) {
    if (path.startsWith('/run/keelson/containers/') && path !== ownerList) device.files.delete(path);
  }
  if (version !== undefined) device.writeFile(osRelease, `VERSION_ID=${version}\n`);
}

/** Until time has gone by that often, everything in `broken` is as it is. */
function mendAfter(sleeps: number, mend: () => void): void {
  const { sleep } = device;
  let count = 0;
  device.sleep = (ms) => {
    sleep(ms);
    count += 1;
    if (count === sleeps) mend();
  };
}

const names = () => engine.containers.map(({ name, state }) => `${name} ${state}`);
const toldLines = () =>
  (device.files.get(told) ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

test('nothing is asked for: the engine is not even asked', () => {
  startContainers(device, 'docker');
  expect(device.commandsRun).toEqual([]);
});

describe('a container', () => {
  test('is pulled, made beside, and gets its name; a second time nothing is done', () => {
    ask([
      wish({
        command: ['serve', '--all'],
        environment: { COLOUR: 'blue' },
        ports: ['8080:80'],
        volumes: ['data:/data'],
      }),
    ]);
    expect(start()).toEqual([
      'pull quay.io/web:1',
      expect.stringMatching(/^create never web\.new /),
      'rename web.new web',
      'start web',
    ]);
    const words = engine.containers[0]?.words.join(' ').replace(/=<[^>]*>/, '=…');
    expect(words).toBe(
      '--pull never --name web.new --label keelson.digest=… --label keelson.container=web --restart unless-stopped --env-file /run/keelson/containers/variables --publish 8080:80 --volume data:/data quay.io/web:1 serve --all',
    );
    expect(names()).toEqual(['web running']);
    expect(start()).toEqual([]);
    expect(device.printed).toEqual(['web: made']);
  });

  test('its variables are in a file of root’s that is gone afterwards', () => {
    ask([wish({ environment: { A: 'x', B: 'y' }, environmentFile: '/run/keelson/files/web.env' })]);
    device.writeFile('/run/keelson/files/web.env', '# secrets\n\nB=other\nC=a=b\n');
    const seen: string[] = [];
    const { writeFile } = device;
    device.writeFile = (path, content, mode) => {
      if (path.endsWith('/variables')) seen.push(`${mode?.toString(8)} ${content}`);
      writeFile(path, content, mode);
    };
    start();
    expect(seen).toEqual(['600 B=y\nC=a=b\nA=x\n']);
    expect(device.files.has('/run/keelson/containers/variables')).toBe(false);
  });

  test('other words: another one takes its place, when it could be made', () => {
    ask([wish()]);
    start();
    ask([wish({ image: 'quay.io/web:2' })]);
    expect(start()).toEqual([
      'pull quay.io/web:2',
      expect.stringMatching(/^create never web\.new /),
      'stop web',
      'rm web',
      'rename web.new web',
      'start web',
    ]);
    expect(names()).toEqual(['web running']);
  });

  test('that is not asked for any more is removed, and one that somebody else made is left alone', () => {
    ask([wish()]);
    start();
    const own = { state: 'running', digest: '', label: '', project: '', projectFiles: '', words: [] };
    engine.containers.push({ ...own, name: 'mine' });
    ask([]);
    expect(start()).toEqual(['stop web', 'rm web']);
    expect(names()).toEqual(['mine running']);
  });

  test('of user-data replaces one of the recipe of the same name', () => {
    ask([wish(), wish({ name: 'mail' })]);
    ask([wish({ image: 'quay.io/web:2' })], {}, ownerList);
    start();
    expect(engine.containers.map(({ name, words }) => `${name} ${words.at(-1)}`)).toEqual([
      'web quay.io/web:2',
      'mail quay.io/web:1',
    ]);
  });

  test('that a person stopped stays so; one that ended its work works once in each boot', () => {
    ask([wish(), wish({ name: 'job', restart: 'no' })]);
    start();
    for (const each of engine.containers) each.state = 'exited';
    expect(start()).toEqual([]);
    restartMachine();
    expect(start()).toEqual(['start job']);
  });

  test('the power went away between its making and its start', () => {
    ask([wish()]);
    start();
    for (const each of engine.containers) each.state = 'created';
    expect(start()).toEqual(['start web']);
  });

  test('the power went away before it had its name: it is made again', () => {
    ask([wish()]);
    start();
    for (const each of engine.containers) each.name = 'web.new';
    expect(start()).toEqual([
      'stop web.new',
      'rm web.new',
      expect.stringMatching(/^create/),
      'rename web.new web',
      'start web',
    ]);
  });
});

test('until the first look is over nothing counts as well: what runs may be of the version before', () => {
  ask([wish()]);
  engine.broken.set('version', 'the engine does not answer yet');
  mendAfter(1, () => {
    expect(toldLines()).toMatchObject([{ name: 'web', state: 'missing', isExempt: false }]);
    engine.broken.clear();
  });
  start();
  expect(toldLines()).toEqual([]);
});

describe('what is not asked for, but was made here', () => {
  const doubt = '/run/keelson/containers/doubtful';

  test('stays while user-data cannot be read as a whole', () => {
    ask([wish()], {}, ownerList);
    start();
    device.writeFile(doubt, '');
    ask([], {}, ownerList);
    expect(start()).toEqual([]);
    device.remove(doubt);
    expect(start()).toEqual(['stop web', 'rm web']);
  });

  test('what has its labels from an image is somebody else’s', () => {
    ask([wish()]);
    start();
    const [web] = engine.containers;
    if (web === undefined) throw new Error('there is no container');
    engine.containers.push({ ...web, name: 'copy' });
    restartMachine();
    expect(start()).toEqual([]);
    expect(names()).toEqual(['web running', 'copy running']);
  });

  test('names by which others link to a container are none of its', () => {
    ask([wish()]);
    start();
    const [web] = engine.containers;
    if (web !== undefined) web.name = 'web,shop/backend';
    expect(start()).toEqual([]);
  });
});

describe('what cannot be done', () => {
  test('an image that nobody has: the others run; it is told, and tried again with growing waits', () => {
    ask([wish({ image: 'quay.io/late:1' }), wish({ name: 'mail' })]);
    const lines: unknown[] = [];
    mendAfter(3, () => {
      lines.push(...toldLines());
      engine.registry.set('quay.io/late:1', 'sha256:late');
    });
    const begin = device.now();
    start();
    expect(lines).toEqual([
      {
        name: 'web',
        state: 'missing',
        health: null,
        exitCode: 0,
        error: 'no such host',
        isRestarted: true,
        isExempt: false,
      },
    ]);
    expect(device.errorsPrinted).toEqual(['web: no such host']);
    expect(device.now() - begin).toBe(5000 + 10_000 + 20_000);
    expect(names()).toEqual(['mail running', 'web running']);
    expect(toldLines()).toEqual([]);
  });

  test('what cannot be made leaves what there was', () => {
    ask([wish()]);
    start();
    engine.broken.set('create', 'Error response from daemon: invalid mount');
    ask([wish({ volumes: ['/x:/x'] })]);
    mendAfter(1, () => {
      expect(names()).toEqual(['web running']);
      // A version that is on trial is not well with it.
      expect(toldLines()).toMatchObject([
        { name: 'web', state: 'outdated', error: 'invalid mount', isExempt: false },
      ]);
      engine.broken.clear();
    });
    start();
    expect(toldLines()).toEqual([]);
    expect(device.errorsPrinted).toEqual(['web: invalid mount']);
  });

  test.each([
    [
      'a file of variables that is missing',
      undefined,
      'web: it waits for the file /run/keelson/files/web.env',
    ],
    [
      'a line in it that is none',
      'A=b\nsecret words\n',
      'web: line 2 of /run/keelson/files/web.env is not NAME=value',
    ],
  ])('%s', (_, text, message) => {
    const path = '/run/keelson/files/web.env';
    ask([wish({ environmentFile: path })]);
    if (text !== undefined) device.writeFile(path, text);
    mendAfter(1, () => device.writeFile(path, 'A=b\n'));
    start();
    expect(device.errorsPrinted).toEqual([message]);
  });

  test('the name is taken by somebody else’s', () => {
    engine.containers.push({
      name: 'web',
      state: 'running',
      digest: '',
      label: '',
      project: '',
      projectFiles: '',
      words: [],
    });
    ask([wish()]);
    mendAfter(1, () => engine.containers.splice(0));
    start();
    expect(device.errorsPrinted).toEqual([
      'web: a container of that name is there that was made by somebody else',
    ]);
  });
});

describe('an image that is built in', () => {
  const builtIn = { id: 'sha256:abc', name: 'quay.io/web:1' };
  const archive = '/usr/lib/containers/images/abc';

  beforeEach(() => {
    engine.registry.clear();
    engine.archives.set(archive, 'sha256:abc').set('/usr/lib/containers/images/def', 'sha256:def');
  });

  test('is loaded and gets its name, once; nothing is pulled', () => {
    ask([wish({ imageId: 'sha256:abc' })], { images: [builtIn] });
    expect(start().slice(0, 2)).toEqual([`load ${archive}`, 'tag sha256:abc quay.io/web:1']);
    restartMachine();
    expect(start()).toEqual([]);
  });

  test('there is no room: it waits, and nothing is pulled in its place', () => {
    engine.archives.clear();
    engine.registry.set('quay.io/web:1', 'sha256:other');
    ask([wish({ imageId: 'sha256:abc' })], { images: [builtIn] });
    mendAfter(1, () => engine.archives.set(archive, 'sha256:abc'));
    start();
    expect(device.errorsPrinted).toEqual([
      'quay.io/web:1: no space left on device\nweb: its image quay.io/web:1 could not be loaded',
    ]);
    expect(engine.done.filter((each) => each.startsWith('pull'))).toEqual([]);
  });

  test('and a project of built-in images do not wait for a registry', () => {
    const far = wish({ name: 'far', image: 'quay.io/far:1' });
    ask([far, wish({ imageId: 'sha256:abc' })], { images: [builtIn], projects: ['books'] });
    mendAfter(1, () => engine.registry.set('quay.io/far:1', 'sha256:far'));
    const done = start().map((each) => each.split(' ').slice(0, 2).join(' '));
    expect(done.indexOf('start web')).toBeLessThan(done.indexOf('compose books'));
    expect(done.indexOf('compose books')).toBeLessThan(done.indexOf('pull quay.io/far:1'));
  });

  test('of an earlier version goes when nothing uses it', () => {
    ask([wish({ imageId: 'sha256:abc' })], { images: [builtIn] });
    start();
    restartMachine('2026.11.1');
    ask([wish({ imageId: 'sha256:def' })], { images: [{ ...builtIn, id: 'sha256:def' }] });
    expect(start()).toEqual([
      'load /usr/lib/containers/images/def',
      'tag sha256:def quay.io/web:1',
      expect.stringMatching(/^create/),
      'stop web',
      'rm web',
      'rename web.new web',
      'start web',
      'image rm sha256:abc',
    ]);
    expect([...engine.images.keys()]).toEqual(['quay.io/web:1', 'sha256:def']);
  });
});

test('the health gate is told of what a version lacks on purpose, until it has it again', () => {
  ask([wish(), wish({ name: 'old' })]);
  start();
  restartMachine('2026.11.1');
  ask([wish()]);
  start();
  const gone = {
    name: 'old',
    state: 'removed',
    health: null,
    exitCode: 0,
    isRestarted: false,
    isExempt: true,
  };
  expect(toldLines()).toEqual([gone]);
  restartMachine();
  start();
  expect(toldLines()).toEqual([gone]);
  restartMachine('2026.11.0');
  ask([wish(), wish({ name: 'old' })]);
  start();
  expect(toldLines()).toEqual([]);
});

describe('Compose projects', () => {
  test('of recipe and user-data are brought up at each boot, and taken down when they are gone', () => {
    ask([], { projects: ['books'] });
    device.writeFile(shopFile, 'services: {}\n');
    const up = [
      'compose books /usr/lib/containers/compose/books/compose.yaml /usr/lib/containers/compose/books/pins.json up',
      `compose shop ${shopFile} up`,
    ];
    expect(start()).toEqual(up);
    expect(names()).toEqual(['books-front-1 running', 'shop-front-1 running']);
    restartMachine();
    expect(start()).toEqual(up);
    restartMachine();
    device.files.delete(shopFile);
    expect(start()).toEqual(['compose shop down', up[0]]);
    expect(names()).toEqual(['books-front-1 running']);
  });

  test('of somebody at a shell are left alone', () => {
    ask([wish()]);
    const projectFiles = '/root/mine/compose.yaml';
    const running = { state: 'running', digest: '', label: '', words: [] };
    engine.containers.push({ ...running, name: 'mine-a-1', project: 'mine', projectFiles });
    start();
    expect(names()).toContain('mine-a-1 running');
  });

  test('a machine without Compose says so', () => {
    engine.hasCompose = false;
    device.writeFile(shopFile, 'services: {}\n');
    mendAfter(1, () => {
      engine.hasCompose = true;
    });
    start();
    expect(device.errorsPrinted).toEqual([
      'shop: this machine has no Compose: its recipe takes it as an option',
    ]);
  });
});
