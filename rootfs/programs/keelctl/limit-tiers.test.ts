import { describe, expect, test } from '@jest/globals';
import type { EngineService } from '../../../build/contract/engine-file.ts';
import { type FakeDevice, makeFakeDevice } from '../testing/fake-device.ts';
import { limitTiers, noteDiskNumber, planTiers } from './limit-tiers.ts';

const mebibyte = 1024 * 1024;
const services = [{ memoryReserveBytes: 8 * mebibyte }, { memoryReserveBytes: 32 * mebibyte }];
const group = '/sys/fs/cgroup';

describe('what users’ containers leave to the machine', () => {
  test('a large machine', () => {
    expect(planTiers(services, { memoryBytes: 1024 * mebibyte, processes: 8000 })).toEqual({
      servicesReserveBytes: 40 * mebibyte,
      workloadsMemoryBytes: (1024 - 40 - 16 - 32 - 64) * mebibyte,
      workloadsPids: 4000,
    });
  });
  test('on a machine that is too small for all reserves a quarter is theirs', () => {
    const plan = planTiers(services, { memoryBytes: 100 * mebibyte, processes: 8000 });
    expect(plan.workloadsMemoryBytes).toBe(25 * mebibyte);
  });
});

describe('control groups', () => {
  test('the system tier has its reserve and its share', () => {
    const device = machine();
    expect(limitTiers(device, [service(false)])).toEqual([]);
    expect(device.files.get(`${group}/services/memory.min`)).toBe(String(8 * mebibyte));
    expect(device.files.get(`${group}/services/cpu.weight`)).toBe('1000');
    expect([...device.files.keys()].some((path) => path.includes('/workloads/'))).toBe(false);
  });
  test('users’ containers have an end, where there is an engine for them', () => {
    const device = machine();
    expect(limitTiers(device, [service(true)])).toEqual([]);
    expect(device.files.get(`${group}/workloads/memory.max`)).toBe(
      String((512 - 8 - 16 - 32 - 32) * mebibyte),
    );
    expect(device.files.get(`${group}/workloads/pids.max`)).toBe('2000');
    expect(device.files.get(`${group}/workloads/cpu.weight`)).toBe('100');
  });
  test('without control groups the machine starts too', () => {
    const device = machine();
    device.makeFolder = () => {
      throw new Error('read-only file system');
    };
    expect(limitTiers(device, [service(false)])).toContain(
      'Cannot make the control group services: read-only file system',
    );
  });
  test('what the kernel does not have is told, and the rest is done', () => {
    const device = machine();
    const write = device.writeFile;
    device.writeFile = (path, content, mode) => {
      if (path.endsWith('io.weight')) throw new Error('no such file');
      write(path, content, mode);
    };
    expect(limitTiers(device, [service(false)])).toEqual([
      'Cannot set services/io.weight to 1000: no such file',
    ]);
    expect(device.files.has(`${group}/services/memory.min`)).toBe(true);
  });
});

test('the disk’s number is put down for the hook that limits its use', () => {
  const device = machine();
  noteDiskNumber(device);
  expect(device.files.get('/run/keelson/disk-number')).toBe('254:0\n');
});

function machine(): FakeDevice {
  return makeFakeDevice({
    files: {
      '/proc/meminfo': `MemTotal:         ${512 * 1024} kB\nMemFree: 1 kB\n`,
      '/proc/sys/kernel/pid_max': '32768\n',
      '/proc/sys/kernel/threads-max': '4000\n',
      '/run/keelson/boot.json': JSON.stringify({ format: 1, disk: 'vda' }),
      '/sys/block/vda/dev': '254:0\n',
    },
  });
}

function service(isEngine: boolean): EngineService {
  return {
    name: 'one',
    description: 'One',
    kind: 'long-running',
    needs: [],
    after: [],
    stopSignal: 'SIGTERM',
    stopTimeoutSeconds: 10,
    memoryReserveBytes: 8 * mebibyte,
    stateFolders: [],
    ...(isEngine ? { workloads: { command: ['/usr/bin/list'] } } : {}),
  };
}
