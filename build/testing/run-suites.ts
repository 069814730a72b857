import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * `npm test`: both suites, one after the other, and their sum as the last line: `N passed, N failed`. The exit code is
 * 1 when anything failed. Arguments are passed on to Jest (a path, for instance).
 */
const suites = [
  ['--selectProjects=unit'],
  // One machine at a time: each has two processors.
  ['--selectProjects=machine', '--runInBand'],
] as const;

interface Count {
  readonly passed: number;
  readonly failed: number;
}

function runSuite(suite: readonly string[], resultFile: string): Count {
  const jest = ['node_modules/jest/bin/jest.js', ...suite, '--json', `--outputFile=${resultFile}`];
  const nodeOptions = ['--disable-warning=ExperimentalWarning', '--experimental-vm-modules'];
  const jestArguments = ['--passWithNoTests', ...process.argv.slice(2)];
  // Jest's own report goes to standard error; the JSON that it would also print is in the file.
  const { status } = spawnSync(process.execPath, [...nodeOptions, ...jest, ...jestArguments], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const count = readCount(resultFile);
  return status !== 0 && count.failed === 0 ? { passed: count.passed, failed: 1 } : count;
}

/** A file that does not load counts as a failed test; so does a suite that leaves no result. */
function readCount(resultFile: string): Count {
  try {
    const result = JSON.parse(readFileSync(resultFile, 'utf8')) as Record<string, number>;
    const { numPassedTests = 0, numFailedTests = 0, numRuntimeErrorTestSuites = 0 } = result;
    return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

const folder = mkdtempSync(join(tmpdir(), 'keelson-tests-'));
const counts = suites.map((suite, index) => runSuite(suite, join(folder, `${index}.json`)));
rmSync(folder, { recursive: true });
const passed = counts.reduce((sum, count) => sum + count.passed, 0);
const failed = counts.reduce((sum, count) => sum + count.failed, 0);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
