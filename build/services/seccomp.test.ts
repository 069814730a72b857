import { describe, expect, test } from '@jest/globals';
import { makeSeccomp, type SeccompProfile } from './seccomp.ts';

const profile: SeccompProfile = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 38,
  archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
  syscalls: [
    { names: ['read', 'write'], action: 'SCMP_ACT_ALLOW', args: [], includes: {}, excludes: {} },
    { names: ['arch_prctl'], action: 'SCMP_ACT_ALLOW', args: null, includes: { arches: ['amd64', 'x32'] } },
    { names: ['sync_file_range2'], action: 'SCMP_ACT_ALLOW', includes: { arches: ['arm64'] } },
    { names: ['clock_settime'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_TIME'] } },
    { names: ['clock_settime'], action: 'SCMP_ACT_ERRNO', errnoRet: 1, excludes: { caps: ['CAP_SYS_TIME'] } },
    {
      names: ['bpf'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: 1,
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
  const always = ['read,write SCMP_ACT_ALLOW', 'personality SCMP_ACT_ALLOW'];
  const situations: readonly (readonly [string, 'x86-64' | 'arm64', readonly string[], readonly string[]])[] =
    [
      [
        'x86-64, no capabilities',
        'x86-64',
        [],
        [...always, 'arch_prctl SCMP_ACT_ALLOW', 'clock_settime SCMP_ACT_ERRNO', 'bpf SCMP_ACT_ERRNO'],
      ],
      [
        'arm64, no capabilities',
        'arm64',
        [],
        [...always, 'sync_file_range2 SCMP_ACT_ALLOW', 'clock_settime SCMP_ACT_ERRNO', 'bpf SCMP_ACT_ERRNO'],
      ],
      [
        'a capability allows its calls',
        'x86-64',
        ['CAP_SYS_TIME'],
        [...always, 'arch_prctl SCMP_ACT_ALLOW', 'clock_settime SCMP_ACT_ALLOW', 'bpf SCMP_ACT_ERRNO'],
      ],
      [
        'one of several is enough to lift a refusal',
        'x86-64',
        ['CAP_BPF'],
        [...always, 'arch_prctl SCMP_ACT_ALLOW', 'clock_settime SCMP_ACT_ERRNO'],
      ],
    ];
  test.each(situations)('%s', (_, architecture, capabilities, rules) => {
    expect([...rulesOf(architecture, capabilities)].sort()).toEqual([...rules].sort());
  });
});

test('only the machine’s own architecture, no 32-bit calls', () => {
  expect(makeSeccomp(profile, 'x86-64', []).architectures).toEqual(['SCMP_ARCH_X86_64']);
  expect(makeSeccomp(profile, 'arm64', []).architectures).toEqual(['SCMP_ARCH_AARCH64']);
});

test('what a rule keeps of its own', () => {
  const { defaultErrnoRet, syscalls } = makeSeccomp(profile, 'x86-64', []);
  expect(defaultErrnoRet).toBe(38);
  expect(syscalls[0]).toEqual({ names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' });
  expect(syscalls.at(-1)?.args).toEqual([{ index: 0, value: 8, valueTwo: 0, op: 'SCMP_CMP_EQ' }]);
});
