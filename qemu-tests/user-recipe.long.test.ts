import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { promise, remark, step } from './support/step.ts';
import { keelson, repositoryFolder, testKeysEnvironment } from './support/test-workshop.ts';
import { waitFor } from './support/wait-for.ts';

interface TestEvent {
  readonly type: string;
  readonly number?: number;
  readonly sentence?: string;
  readonly isTrue?: boolean;
  readonly seconds?: number;
}

promise('whoever has a recipe can try a machine of it before others have to', () => {
  const test = async (recipe: string): Promise<{ exitCode: number; events: readonly TestEvent[] }> => {
    const { exitCode, stdout } = await keelson(['test', recipe, '--json'], {
      environment: testKeysEnvironment,
    });
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as TestEvent);
    return { exitCode, events };
  };

  step(
    'keelson test: it boots, restarts, loses power, updates itself, meets a bad release, and is back',
    async () => {
      const { exitCode, events } = await test('minimal');
      for (const { type, number, sentence, isTrue, seconds } of events) {
        if (type === 'test-step')
          remark(`${isTrue ? '' : 'not '}${number}. ${sentence} (${seconds?.toFixed(1)} s)`);
      }
      expect(events.at(-1)).toMatchObject({ type: 'test-finished', recipe: 'minimal', steps: 8 });
      expect(exitCode).toBe(0);
      expect(existsSync(join(repositoryFolder, 'out/minimal/test'))).toBe(false);
    },
    { deadlineMs: 900_000 },
  );

  step('interrupted, it leaves nothing', async () => {
    const child = spawn(join(repositoryFolder, 'keelson'), ['test', 'minimal'], {
      cwd: repositoryFolder,
      env: { ...process.env, ...testKeysEnvironment },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
    let told = '';
    child.stdout.on('data', (chunk) => {
      told += chunk;
    });
    await waitFor(async () => told.includes('ok 1 - '), { what: 'the first sentence', deadlineMs: 180_000 });
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(existsSync(join(repositoryFolder, 'out/minimal/test'))).toBe(false);
  });
});
