import { describe, expect, test } from '@jest/globals';
import type { BuildHost, CommandResult } from '../host/build-host.ts';
import { runTool } from './run-tool.ts';

const line = { file: '/loader', arguments: [], environment: {} };
const command = { file: '/usr/bin/mkfs.erofs', arguments: ['-zlzma', 'out'] };

const run = (result: CommandResult, isRoot = false) =>
  runTool({ isRoot, run: async () => result } as unknown as BuildHost, command, line);

describe('running a tool', () => {
  test('gives its output', async () => {
    const result = { exitCode: 0, stdout: 'made\n', stderr: '' };
    expect(await run(result)).toEqual(result);
  });

  test('a failure shows the last lines', async () => {
    const stderr = Array.from({ length: 20 }, (_, index) => `line ${index}\n`).join('');
    await expect(run({ exitCode: 1, stdout: '', stderr })).rejects.toMatchObject({
      code: 'TOOL_FAILED',
      message: `Cannot run /usr/bin/mkfs.erofs -zlzma out: exit code 1\n${Array.from({ length: 15 }, (_, index) => `  line ${index + 5}`).join('\n')}`,
    });
  });

  test.each([
    ['/store/tree/usr/bin/unshare: unshare failed: Operation not permitted\n', false, 'build as root'],
    ['mount: /x: permission denied.\nisolate.sh: cannot make the root for a tool\n', true, 'CAP_SYS_ADMIN'],
  ])('a computer that allows no isolation is told apart: %j', async (stderr, isRoot, hint) => {
    await expect(run({ exitCode: 1, stdout: '', stderr }, isRoot)).rejects.toMatchObject({
      code: 'TOOLS_ISOLATION_UNAVAILABLE',
      message: `Cannot isolate the tools on this computer: ${stderr.trim().split('\n').join('; ')}`,
      hint: expect.stringContaining(hint) as unknown as string,
    });
  });
});
