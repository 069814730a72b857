// Suites over one transformer: unit tests beside the source, machine tests in qemu-tests/; those that take long are apart.
const shared = {
  extensionsToTreatAsEsm: ['.ts'],
  testEnvironment: 'node',
  transform: { '\\.ts$': '<rootDir>/build/testing/strip-types.cjs' },
  globalSetup: '<rootDir>/build/testing/temporary-folder.cjs',
  modulePathIgnorePatterns: ['<rootDir>/out/'],
};

export default {
  // Some tests start whole commands; on a busy computer that takes its time.
  testTimeout: 60_000,
  // Jest's own default leaves one processor free: half of a computer that has two.
  maxWorkers: '100%',
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: [
        '<rootDir>/build/**/*.test.ts',
        '<rootDir>/rootfs/**/*.test.ts',
        '<rootDir>/qemu-tests/{support,torture}/**/*.test.ts',
      ],
    },
    {
      ...shared,
      displayName: 'machine',
      testMatch: ['<rootDir>/qemu-tests/*.test.ts'],
      testPathIgnorePatterns: ['\\.long\\.test\\.ts$'],
    },
    { ...shared, displayName: 'long', testMatch: ['<rootDir>/qemu-tests/*.long.test.ts'] },
  ],
};
