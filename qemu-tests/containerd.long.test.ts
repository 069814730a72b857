import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { startBoxRegistry } from '../build/testing/test-images.ts';
import { addCleanup } from './support/afterwards.ts';
import { callGrpc, type Message, messagesOf, type ReadMessage, textOf } from './support/grpc-call.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { openTestWorkshop, testOutputFolder } from './support/test-workshop.ts';
import { patience, waitFor } from './support/wait-for.ts';

/** What a kubelet asks for, by the numbers of k8s.io/cri-api, pkg/apis/runtime/v1/api.proto. */
const podOf = (uid: string): Message => {
  const metadata: Message = [field(1, 'pod'), field(2, uid), field(3, 'harbour')];
  const portMapping: Message = [field(2, 80), field(3, 8080)];
  const linux: Message = [field(1, '/workloads/kubepods')];
  return [
    field(1, metadata),
    field(3, `/var/log/pods/harbour_pod_${uid}`),
    field(5, portMapping),
    ...podLabels(6),
    field(8, linux),
  ];
};

const containerOf = (image: string): Message => [
  field(1, [field(1, 'web')]),
  field(2, [field(1, image)]),
  ...['/bin/httpd', '-f', '-h', '/www'].map((word) => field(3, word)),
  ...podLabels(9),
  field(9, [field(1, 'io.kubernetes.container.name'), field(2, 'web')]),
  field(11, 'web_0.log'),
];

const podLabels = (number: number) => [
  field(number, [field(1, 'io.kubernetes.pod.name'), field(2, 'pod')]),
  field(number, [field(1, 'io.kubernetes.pod.namespace'), field(2, 'harbour')]),
];

function field(number: number, value: Message[number][1]): Message[number] {
  return [number, value];
}

promise('containerd runs the pods of a kubelet and containers of users, which outlive it', () => {
  let machine: TestMachine;
  /** Of the registry, as the machine sees it. */
  let image: string;

  const run = (command: string) => machine.guest.run(command);
  const cri = async (method: string, request: Message): Promise<ReadMessage> =>
    callGrpc(
      await machine.guest.openSocket('/run/containerd/containerd.sock'),
      `/runtime.v1.${method}`,
      request,
      60_000 * patience,
    );
  const page = (guestPort: number): Promise<string> => {
    const url = `http://127.0.0.1:${machine.running().portOf(guestPort)}/`;
    return waitFor(async () => (await fetch(url, { signal: AbortSignal.timeout(5000) })).text(), {
      what: `an answer from the container behind port ${guestPort}`,
      deadlineMs: 60_000,
    });
  };
  const waitForEngine = () =>
    waitFor(async () => (await machine.guest.try('ctr version')).exitCode === 0, {
      what: 'the engine to answer',
      deadlineMs: 90_000,
    });
  const processOf = (namespace: string, name: string) =>
    run(`ctr --namespace ${namespace} tasks list | grep '^${name} '`);
  /** Starts a pod with one container, as a kubelet does; gives the ids of both. */
  const startPod = async (uid: string) => {
    await run(`mkdir -p /var/lib/keelson/services/containerd/var-log-pods/harbour_pod_${uid}`);
    const pod = textOf(await cri('RuntimeService/RunPodSandbox', [field(1, podOf(uid))]), 1);
    const created = await cri('RuntimeService/CreateContainer', [
      field(1, pod),
      field(2, containerOf(image)),
      field(3, podOf(uid)),
    ]);
    const container = textOf(created, 1);
    await cri('RuntimeService/StartContainer', [field(1, container)]);
    return { pod, container };
  };
  let container: string;

  step('a machine of the recipe containerd boots, and its registry has an image', async () => {
    const folder = join(testOutputFolder, 'containerd-registry');
    await rm(folder, { recursive: true, force: true });
    const registry = await startBoxRegistry(await openTestWorkshop(), folder);
    addCleanup(registry.stop);
    const address = registry.address.replace('127.0.0.1', '10.0.2.2');
    image = `${address}/team/box:1.0`;
    machine = await makeTestMachine({
      test: 'containerd',
      recipe: 'containerd',
      memoryMiB: 1024,
      guestPorts: [8080, 8081],
      userData: (key) =>
        [
          '#cloud-config',
          `ssh_authorized_keys: ["${key}"]`,
          'write_files:',
          `  - path: /run/keelson/files/containerd/certs.d/${address}/hosts.toml`,
          `    content: "[host.'https://${address}']\\nskip_verify = true\\n"`,
          '',
        ].join('\n'),
    });
    await machine.boot();
    await waitForEngine();
    remark(`idle with the engine:\n${await run('free -m')}`);
  });

  step('an image is pulled from a registry that the user-data names, and runs', async () => {
    await run(`ctr images pull --hosts-dir /etc/containerd/certs.d ${image}`);
    expect(await run(`ctr run --rm ${image} once /bin/id -u`)).toBe('0');
    await run(`cd /root && ctr images export box.tar ${image}`);
    await run(`ctr images remove ${image} && cd /root && ctr images import box.tar`);
    expect(await run(`ctr run --rm ${image} once /bin/id -u`)).toBe('0');
  });

  step('a container that is to be kept running is no part of the service that started it', async () => {
    await run(`ctr run --detach --null-io --net-host ${image} web /bin/httpd -f -p 8081 -h /www`);
    await run(
      'ctr containers label web containerd.io/restart.status=running containerd.io/restart.policy=always',
    );
    const [, pid] = (await processOf('default', 'web')).split(/\s+/);
    expect(await run(`cat /proc/${pid}/cgroup`)).toBe('0::/workloads/default/web');
    expect(await page(8081)).toBe('hello from a container\n');
  });

  step('the engine tells a kubelet that it and its network are ready', async () => {
    const version = await cri('RuntimeService/Version', []);
    expect([textOf(version, 2), textOf(version, 4)]).toEqual(['containerd', 'v1']);
    const [status] = messagesOf(await cri('RuntimeService/Status', []), 1);
    if (status === undefined) throw new Error('no status');
    const conditions = messagesOf(status, 1).map((each) => [textOf(each, 1), textOf(each, 2)]);
    expect(conditions).toContainEqual(['RuntimeReady', '1']);
    expect(conditions).toContainEqual(['NetworkReady', '1']);
  });

  step('by CRI an image is pulled and a pod runs, whose port answers from outside', async () => {
    await cri('ImageService/PullImage', [field(1, [field(1, image)])]);
    await run(`ctr --namespace k8s.io images tag ${image} registry.k8s.io/pause:3.10`);
    ({ container } = await startPod('one'));
    const answer = await cri('RuntimeService/ExecSync', [
      field(1, container),
      field(2, '/bin/id'),
      field(2, '-u'),
    ]);
    expect(textOf(answer, 1)).toBe('0\n');
    expect(await page(8080)).toBe('hello from a container\n');
    const [, pid] = (await processOf('k8s.io', container)).split(/\s+/);
    expect(await run(`cat /proc/${pid}/cgroup`)).toBe(`0::/workloads/kubepods/${container}`);
  });

  step(
    '`keelctl workloads` shows both, and demands the one that the engine itself keeps running',
    async () => {
      const listing = await run('keelctl workloads 2>&1');
      expect(listing).toMatch(/containerd +default\/web +well +watched/);
      expect(listing).toMatch(/containerd +k8s\.io\/harbour\/pod\/web +well/);
      expect(listing).not.toMatch(/k8s\.io\/harbour\/pod\/web +well +watched/);
    },
  );

  step('the engine is restarted, the containers are not', async () => {
    const look = async () => [await processOf('default', 'web'), await processOf('k8s.io', container)];
    const processes = await look();
    await run('keelctl restart containerd');
    await waitForEngine();
    expect(await look()).toEqual(processes);
    expect(await page(8080)).toBe('hello from a container\n');
    expect(await page(8081)).toBe('hello from a container\n');
  });

  step('the machine restarts: a container ended in its own time', async () => {
    const bootId = await machine.guest.bootId();
    await run(
      `mkdir -p /root/data && ctr run --detach --null-io --mount type=bind,src=/root/data,dst=/data,options=rbind:rw ${image} polite /bin/sh -c 'trap "echo bye >>/data/last-words; exit 0" TERM; while :; do sleep 1 & wait $!; done'`,
    );
    await machine.guest.try('reboot');
    await machine.guest.waitForOtherBoot(bootId, 120_000);
    await waitForEngine();
    expect(await run('cat /root/data/last-words')).toBe('bye');
    expect(await page(8081)).toBe('hello from a container\n');
  });

  step('the power goes away: images are there, what is kept running is back, and a pod starts', async () => {
    await machine.cutPower();
    await machine.boot();
    await waitForEngine();
    expect(await page(8081)).toBe('hello from a container\n');
    expect(await run(`ctr run --rm ${image} once /bin/id -u`)).toBe('0');
    await startPod('two');
    expect(await page(8080)).toBe('hello from a container\n');
  });
});
