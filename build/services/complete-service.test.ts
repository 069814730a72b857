import { describe, expect, test } from '@jest/globals';
import type { ImageConfiguration } from '../oci-images/image-manifest.ts';
import type { OpenedImage } from '../oci-images/open-image.ts';
import { bytesOf } from '../rootfs/byte-source.ts';
import type { Tree, TreeNode } from '../rootfs/tree.ts';
import { demoService } from '../testing/demo-service.ts';
import { completeService } from './complete-service.ts';
import { makeImageRoot } from './image-root.ts';
import { makeOciConfig } from './oci-config.ts';
import type { ServiceDefinition, ServiceImage } from './service-definition.ts';

const owner = { uid: 0, gid: 0, origin: 'OCI image' } as const;
const file = (text: string, mode = 0o644): TreeNode => ({
  type: 'file',
  mode,
  content: bytesOf(text),
  ...owner,
});
const folder = (mode = 0o755, uid = 0, gid = 0): TreeNode => ({ type: 'folder', mode, ...owner, uid, gid });
const link = (target: string): TreeNode => ({ type: 'link', mode: 0o777, target, ...owner });

const tree: Tree = new Map([
  ['/', folder()],
  ['/bin', link('usr/bin')],
  ['/usr', folder()],
  ['/usr/bin', folder()],
  ['/usr/bin/web', file('web', 0o755)],
  ['/usr/bin/su', file('su', 0o4755)],
  ['/etc', folder()],
  ['/etc/passwd', file('root:x:0:0::/root:/bin/sh\nweb:x:101:102::/srv:/bin/sh\n')],
  ['/etc/group', file('root:x:0:\nweb:x:102:\nlog:x:7:web\nadm:x:4:other,web\n')],
  ['/data', folder(0o750, 101, 102)],
]);

const plain: ImageConfiguration = {
  os: 'linux',
  architecture: 'amd64',
  user: '',
  environment: [],
  entrypoint: ['/usr/bin/web'],
  arguments: [],
  workingFolder: '/',
  volumes: [],
  stopSignal: '',
  diffDigests: [],
};

const open: ServiceImage = {
  request: {
    reference: 'quay.io/org/web:1',
    source: { kind: 'registry', registry: 'quay.io', repository: 'org/web', tag: '1', digest: undefined },
    place: { file: '/recipe.yaml', line: 3 },
    key: undefined,
    authorities: undefined,
  },
  user: undefined,
  isWorkingFolderOpen: true,
  isStopSignalOpen: true,
};

function complete(
  configuration: Partial<ImageConfiguration>,
  service: Partial<ServiceDefinition> = {},
  image: Partial<ServiceImage> = {},
): Promise<ServiceDefinition> {
  const asked = demoService({ command: [], ...service });
  const opened = { configuration: { ...plain, ...configuration }, tree } as OpenedImage;
  return completeService(asked, { ...open, ...image }, opened);
}

describe('what an image says', () => {
  test('is honoured', async () => {
    const service = await complete({
      user: 'web',
      environment: ['PATH=/bin', 'A=b=c'],
      entrypoint: ['web'],
      arguments: ['--listen', '80'],
      workingFolder: '/srv/site',
      volumes: ['/data/', '/tmp/cache'],
      stopSignal: '3',
    });
    expect(service).toMatchObject({
      user: { uid: 101, gid: 102, additionalGids: [4, 7] },
      environment: { PATH: '/bin', A: 'b=c' },
      command: ['/bin/web', '--listen', '80'],
      workingFolder: '/srv/site',
      // /tmp is in memory.
      writable: ['/data'],
      files: [{ kind: 'folder', path: '/data', mode: 0o750, uid: 101, gid: 102 }],
      stop: { signal: 'SIGQUIT', timeoutSeconds: 10 },
      mounts: [],
    });
    const config = makeOciConfig(service, {
      architecture: 'x86-64',
      services: [],
      seccomp: { syscalls: [] },
    } as never);
    expect(config).toMatchObject({
      process: { user: { uid: 101, gid: 102, additionalGids: [4, 7] }, cwd: '/srv/site' },
    });
  });

  test('gives way to what the service says', async () => {
    const service = await complete(
      {
        user: 'web',
        environment: ['A=image', 'B=image'],
        volumes: ['/data', '/var/lib/x'],
        stopSignal: 'SIGQUIT',
        workingFolder: '/x',
      },
      {
        command: ['/usr/bin/su', '-'],
        environment: { A: 'service' },
        temporary: ['/data', '/run', '/tmp'],
        writable: ['/var'],
        workingFolder: '/',
        stop: { signal: 'SIGINT', timeoutSeconds: 3 },
      },
      { user: '5:adm', isWorkingFolderOpen: false, isStopSignalOpen: false },
    );
    expect(service).toMatchObject({
      user: { uid: 5, gid: 4 },
      environment: { A: 'service', B: 'image' },
      command: ['/usr/bin/su', '-'],
      writable: ['/var'],
      workingFolder: '/',
      stop: { signal: 'SIGINT', timeoutSeconds: 3 },
    });
  });

  test.each([
    ['', { uid: 0, gid: 0 }],
    ['101', { uid: 101, gid: 102, additionalGids: [4, 7] }],
    ['4000', { uid: 4000, gid: 0 }],
    ['4000:4001', { uid: 4000, gid: 4001 }],
    ['web:log', { uid: 101, gid: 7 }],
  ])('as the user %p', async (user, expected) => {
    expect((await complete({ user })).user).toEqual(expected);
  });

  test('on the machine’s network comes with its names', async () => {
    const namespaces = {
      network: 'machine',
      pid: 'own',
      ipc: 'own',
      uts: 'own',
      cgroup: 'own',
      user: undefined,
    } as const;
    const { mounts } = await complete({}, { namespaces });
    expect(mounts.map(({ source, target, isReadOnly }) => [source, target, isReadOnly])).toEqual([
      ['/run/keelson/etc/hosts', '/etc/hosts', true],
      ['/run/keelson/etc/resolv.conf', '/etc/resolv.conf', true],
    ]);
  });

  test.each([
    [{ user: 'nobody' }, 'IMAGE_USER_MISSING', 'it has no account for the user "nobody"'],
    [{ user: '4294967295' }, 'IMAGE_USER_MISSING', 'it has no account for the user "4294967295"'],
    [{ entrypoint: [] }, 'IMAGE_COMMAND_MISSING', 'it does not say what to run'],
    [
      { entrypoint: ['nginx'], environment: ['PATH=/bin'] },
      'IMAGE_PROGRAM_MISSING',
      'it has no program nginx in /bin',
    ],
    [{ entrypoint: ['/etc/passwd'] }, 'IMAGE_PROGRAM_MISSING', 'it has no program /etc/passwd'],
    [{ workingFolder: 'srv/../..' }, 'IMAGE_UNSUPPORTED', 'its working folder is "srv/../.."'],
    [{ volumes: ['/../data'] }, 'IMAGE_UNSUPPORTED', 'it has a volume at "/../data"'],
    [{ environment: ['=x'] }, 'IMAGE_UNSUPPORTED', 'it has the variable "=x"'],
    [{ stopSignal: 'SIGRTMIN+3' }, 'IMAGE_UNSUPPORTED', 'it is stopped by SIGRTMIN+3'],
  ])('is refused when it is of no use: %p', async (configuration, code, reason) => {
    await expect(complete(configuration)).rejects.toMatchObject({
      code,
      message: `Cannot use the image quay.io/org/web:1: ${reason}`,
      place: open.request.place,
    });
  });
});

describe('the root of a service from an image', () => {
  const context = {
    recipe: { name: '', version: '', description: '', hostname: '', architecture: '', suites: [] },
  };
  const noProgram = async () => bytesOf('');
  const own = { mode: 0o600, uid: 1, gid: 2, place: { file: '/recipe.yaml' } } as const;

  test('has its own files over those of the image, through links', async () => {
    const service = demoService({
      files: [
        { kind: 'content', path: '/bin/web', content: 'mine', ...own },
        { kind: 'content', path: '/etc/web/conf', content: 'mine', ...own },
      ],
      workingFolder: '/srv/site',
    });
    const root = await makeImageRoot(service, tree, context, noProgram);
    expect(root.get('/bin')).toMatchObject({ type: 'link' });
    expect(root.get('/usr/bin/web')).toMatchObject({ type: 'file', mode: 0o600, uid: 1, gid: 2 });
    expect(root.get('/etc/web')).toMatchObject({ type: 'folder', mode: 0o755 });
    expect(root.get('/etc/web/conf')).toMatchObject({ type: 'file' });
    expect(root.get('/srv/site')).toMatchObject({ type: 'folder' });
  });

  test('has set-user-ID bits only when the service may gain privileges', async () => {
    const modeOf = async (hasNewPrivileges: boolean) =>
      (await makeImageRoot(demoService({ hasNewPrivileges }), tree, context, noProgram)).get('/usr/bin/su')
        ?.mode;
    expect([await modeOf(false), await modeOf(true)]).toEqual([0o755, 0o4755]);
  });

  test('cannot have a file where the image has a folder', async () => {
    const service = demoService({ files: [{ kind: 'content', path: '/etc', content: '', ...own }] });
    await expect(makeImageRoot(service, tree, context, noProgram)).rejects.toMatchObject({
      faults: [
        {
          code: 'PATH_CONFLICT',
          message: 'Cannot put a file at /etc: the image of service web has a folder there',
        },
      ],
    });
  });
});
