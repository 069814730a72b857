import { beforeAll, expect, test } from '@jest/globals';
import { demoService } from '../testing/demo-service.ts';
import { openRealWorkshop } from '../testing/real-workshop.ts';
import type { Workshop } from '../tools/workshop.ts';
import { capabilityNames } from './capability-names.ts';
import { compilePolicy } from './compile-policy.ts';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openRealWorkshop();
});

test('a policy becomes what the kernel takes', async () => {
  const policy = await compilePolicy(
    workshop,
    demoService({
      capabilities: capabilityNames,
      devices: 'all',
      writable: ['/var/a b*'],
      mounts: ['/', '/b'].map((target) => ({
        source: '/a',
        target,
        isReadOnly: target === '/',
        isRecursive: false,
        propagation: 'private',
      })),
    }),
  );
  // Its header (security/apparmor/policy_unpack.c): the name "version", then the profile's.
  const bytes = await policy?.read();
  expect(bytes?.subarray(3, 11).toString()).toBe('version\0');
  expect(bytes?.includes('keelson.web\0')).toBe(true);
});

test('no policy, nothing to load', async () => {
  expect(await compilePolicy(workshop, demoService({ apparmor: 'unconfined' }))).toBeUndefined();
});

test('rules that are none are shown where they stand', async () => {
  const apparmor = { path: '/services/web/rules', rules: '/** r,\n/etc/secret,\n' };
  await expect(compilePolicy(workshop, demoService({ apparmor }))).rejects.toMatchObject({
    faults: [
      {
        code: 'APPARMOR_RULES_INVALID',
        class: 'input',
        message: expect.stringMatching(/^Cannot use the AppArmor rules of "web": syntax error/),
        place: { file: '/services/web/rules', line: 2, sourceLine: '/etc/secret,' },
      },
    ],
  });
});
