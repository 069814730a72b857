import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

/** The real script; only the machine's folders are elsewhere, and `nsenter` says what it was called with. */
const script = readFileSync(join(import.meta.dirname, 'files/session'), 'utf8');
const facts = '/run/keelson/consoles';
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'session-'));
  put(
    '/bin/nsenter',
    `#!/bin/sh
case $7 in *' -c :') exit "$BROKEN" ;; esac
echo "$SHELL" >"$LAST"
shift 4
exec "$@"
`,
  );
  put('/bin/timeout', '#!/bin/sh\nshift\nexec "$@"\n');
  put('/session', script.replaceAll(/(?<=[ "<>=])\/(?=(?:run\/keelson|proc|sys)\/)/g, `${folder}/`));
  for (const program of ['nsenter', 'timeout']) chmodSync(join(folder, 'bin', program), 0o755);
  put('/sys/fs/cgroup/services/console/cgroup.procs', '');
});

afterEach(() => rmSync(folder, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

function makeReady(name: string, kind: 'fixed' | 'changeable'): void {
  put(`${facts}/chosen`, `${name}\n`);
  put(`${facts}/${name}`, `300 /services/console /bin/sh ${kind}\n`);
  put('/proc/300/cgroup', '0::/services/console\n');
}

interface Outcome {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
  /** Shell of what entered the console; empty when nothing did. */
  readonly entered: string;
}

function run(command: string, environment: Readonly<Record<string, string>> = {}): Outcome {
  put('/last', '');
  const { status, stdout, stderr } = spawnSync('/bin/sh', [join(folder, 'session'), '-c', command], {
    encoding: 'utf8',
    env: {
      HOME: folder,
      PATH: `${folder}/bin:/usr/bin:/bin`,
      LAST: join(folder, 'last'),
      BROKEN: '0',
      ...environment,
    },
  });
  return {
    code: status,
    output: stdout,
    errors: stderr,
    entered: readFileSync(join(folder, 'last'), 'utf8'),
  };
}

test('the script is one', () => {
  expect(execFileSync('/bin/sh', ['-n', join(folder, 'session')], { encoding: 'utf8' })).toBe('');
});

describe('into the console', () => {
  test('a command, with its exit code, in its home, with the limits of the console', () => {
    makeReady('small', 'fixed');
    const { code, output, errors, entered } = run('pwd; echo $$; exit 7');
    const [home, pid] = output.split('\n');
    expect({ code, errors, home, entered }).toEqual({
      code: 7,
      errors: '',
      home: folder,
      entered: '/bin/sh\n',
    });
    expect(readFileSync(join(folder, 'sys/fs/cgroup/services/console/cgroup.procs'), 'utf8')).toBe(
      `${pid}\n`,
    );
  });

  test('words of a command stay as they are', () => {
    makeReady('small', 'fixed');
    expect(run(`printf '%s|' "a  b" '$HOME' *.none`).output).toBe('a  b|$HOME|*.none|');
  });

  test('one with programs of its own: they are found', () => {
    makeReady('debian', 'changeable');
    const { output, errors, entered } = run('echo "$PATH"');
    expect({ errors, entered: entered !== '' }).toEqual({ errors: '', entered: true });
    expect(output).toMatch(/^\/usr\/local\/sbin:.*:\/usr\/lib\/keelson\/bin\n$/);
  });

  test('another one, for once', () => {
    makeReady('small', 'fixed');
    put(`${facts}/chosen`, 'debian\n');
    const { entered, output } = run('echo "<$KEELSON_CONSOLE>"', { KEELSON_CONSOLE: 'small' });
    expect(entered).not.toBe('');
    expect(output).toBe('<>\n');
  });
});

describe('nobody is locked out', () => {
  const situations: readonly (readonly [string, () => Readonly<Record<string, string>>, string])[] = [
    ['the machine has no console', () => ({}), ''],
    [
      'it is being started with the machine',
      () => {
        put(`${facts}/chosen`, 'small\n');
        return {};
      },
      '',
    ],
    [
      'it is being unpacked',
      () => {
        put(`${facts}/chosen`, 'debian\n');
        put(`${facts}/debian.says`, 'it is being unpacked\n');
        return {};
      },
      'keelson: this is not the console debian: it is being unpacked. `keelctl console status` says more.\n',
    ],
    [
      'it gave up',
      () => {
        put(`${facts}/chosen`, 'debian\n');
        put(`${facts}/debian.says`, 'it is being unpacked\n');
        put(`${facts}/debian.fault`, 'it needs 512 MiB\n');
        return {};
      },
      'keelson: this is not the console debian: it needs 512 MiB. `keelctl console status` says more.\n',
    ],
    [
      'its process has gone',
      () => {
        makeReady('debian', 'changeable');
        put(`${facts}/debian.says`, 'made of the packages of version 1\n');
        rmSync(join(folder, 'proc/300'), { recursive: true });
        return {};
      },
      'keelson: this is not the console debian: it has ended. `keelctl console status` says more.\n',
    ],
    [
      'the number of its process is another’s',
      () => {
        makeReady('debian', 'changeable');
        put('/proc/300/cgroup', '0::/services/time\n');
        return {};
      },
      'keelson: this is not the console debian: it has ended. `keelctl console status` says more.\n',
    ],
    [
      'its users have broken its shell',
      () => {
        makeReady('debian', 'changeable');
        return { BROKEN: '127' };
      },
      'keelson: this is not the console debian: its shell /bin/sh does not work. `keelctl console status` says more.\n',
    ],
    ['a name that is a path', () => ({ KEELSON_CONSOLE: '../../etc/passwd' }), ''],
  ];
  test.each(situations)('%s', (_, prepare, message) => {
    const { code, output, errors, entered } = run('echo here; exit 3', prepare());
    expect({ code, output, errors, entered }).toEqual({
      code: 3,
      output: 'here\n',
      errors: message,
      entered: '',
    });
  });
});
