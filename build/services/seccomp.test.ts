import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { openRealWorkshop } from '../testing/real-workshop.ts';
import { seccompFile } from './compile-services.ts';
import { makeSeccomp, type SeccompProfile } from './seccomp.ts';

const profile: SeccompProfile = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 1,
  syscalls: [
    { names: ['read', 'write'], action: 'SCMP_ACT_ALLOW', args: [], includes: {}, excludes: {} },
    { names: ['ptrace'], action: 'SCMP_ACT_ALLOW', includes: { minKernel: '4.8' } },
    { names: ['arch_prctl'], action: 'SCMP_ACT_ALLOW', args: null, includes: { arches: ['amd64', 'x32'] } },
    { names: ['sync_file_range2'], action: 'SCMP_ACT_ALLOW', includes: { arches: ['arm64'] } },
    { names: ['clock_settime'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_TIME'] } },
    {
      names: ['bpf'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: 38,
      excludes: { caps: ['CAP_SYS_ADMIN', 'CAP_BPF'] },
    },
    {
      names: ['personality'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, value: 8, valueTwo: 0, op: 'SCMP_CMP_EQ' }],
    },
  ],
};

function rulesOf(...parameters: readonly ['x86-64' | 'arm64', readonly string[]]): readonly string[] {
  return makeSeccomp(profile, ...parameters).syscalls.map(({ names, action }) => `${names} ${action}`);
}

describe('which rules hold', () => {
  const always = ['read,write SCMP_ACT_ALLOW', 'ptrace SCMP_ACT_ALLOW'];
  const last = 'personality SCMP_ACT_ALLOW';
  const situations: readonly (readonly [string, 'x86-64' | 'arm64', readonly string[], readonly string[]])[] =
    [
      ['x86-64, no capabilities', 'x86-64', [], ['arch_prctl SCMP_ACT_ALLOW', 'bpf SCMP_ACT_ERRNO']],
      ['arm64, no capabilities', 'arm64', [], ['sync_file_range2 SCMP_ACT_ALLOW', 'bpf SCMP_ACT_ERRNO']],
      [
        'a capability allows its calls',
        'x86-64',
        ['CAP_SYS_TIME'],
        ['arch_prctl SCMP_ACT_ALLOW', 'clock_settime SCMP_ACT_ALLOW', 'bpf SCMP_ACT_ERRNO'],
      ],
      ['one of several is enough to lift a refusal', 'x86-64', ['CAP_BPF'], ['arch_prctl SCMP_ACT_ALLOW']],
    ];
  test.each(situations)('%s', (_, architecture, capabilities, rules) => {
    expect(rulesOf(architecture, capabilities)).toEqual([...always, ...rules, last]);
  });
});

test('only the machine’s own architecture, no 32-bit calls', () => {
  expect(makeSeccomp(profile, 'x86-64', []).architectures).toEqual(['SCMP_ARCH_X86_64']);
  expect(makeSeccomp(profile, 'arm64', []).architectures).toEqual(['SCMP_ARCH_AARCH64']);
});

test('what a rule keeps of its own', () => {
  const { defaultErrnoRet, syscalls } = makeSeccomp(profile, 'x86-64', []);
  expect(defaultErrnoRet).toBe(1);
  expect(syscalls[0]).toEqual({ names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' });
  expect(syscalls.find(({ names }) => names.includes('bpf'))?.errnoRet).toBe(38);
  expect(syscalls.find(({ names }) => names.includes('personality'))?.args).toEqual([
    { index: 0, value: 8, valueTwo: 0, op: 'SCMP_CMP_EQ' },
  ]);
});

describe('the policy that Docker publishes', () => {
  let published: SeccompProfile;
  beforeAll(async () => {
    const { folder } = await (await openRealWorkshop()).openTools('schemas');
    published = JSON.parse(await readFile(join(folder, seccompFile), 'utf8')) as SeccompProfile;
  });
  const rulesFor = (name: string, capabilities: readonly string[]) =>
    makeSeccomp(published, 'x86-64', capabilities).syscalls.filter(({ names }) => names.includes(name));

  test('refuses what it does not name', () => {
    expect(makeSeccomp(published, 'x86-64', [])).toMatchObject({
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 1,
    });
  });
  const dangerous = [
    'bpf',
    'finit_module',
    'init_module',
    'keyctl',
    'mount',
    'pivot_root',
    'setns',
    'unshare',
  ];
  test.each(dangerous)('%s is refused to who has no capability', (name) => {
    expect(rulesFor(name, [])).toEqual([]);
  });
  test('new namespaces are refused, and threads are not', () => {
    // CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET of clone(2).
    const args = [{ index: 0, value: 0x7e020000, op: 'SCMP_CMP_MASKED_EQ' }];
    expect(rulesFor('clone', [])).toEqual([{ names: ['clone'], action: 'SCMP_ACT_ALLOW', args }]);
    // Its flags lie in memory, where no filter sees them. "No such call" makes the C library take clone instead.
    expect(rulesFor('clone3', [])).toEqual([{ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }]);
  });
  test('CAP_SYS_ADMIN has them', () => {
    for (const name of ['clone', 'clone3', 'mount', 'unshare']) {
      expect(rulesFor(name, ['CAP_SYS_ADMIN'])).toMatchObject([{ action: 'SCMP_ACT_ALLOW' }]);
    }
  });
  test('CAP_SYS_MODULE loads modules, CAP_SYS_TIME sets the clock', () => {
    expect(rulesFor('finit_module', ['CAP_SYS_MODULE'])).toHaveLength(1);
    expect(rulesFor('clock_settime', [])).toEqual([]);
    expect(rulesFor('clock_settime', ['CAP_SYS_TIME'])).toHaveLength(1);
  });
});
