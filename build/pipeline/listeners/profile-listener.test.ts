import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { KeelsonError } from '../../errors/keelson-error.ts';
import type { BuildEvent } from '../../events/build-event.ts';
import { withSpan } from '../../events/span.ts';
import { createBuildHost } from '../../host/node-host.ts';
import { fetchBlobs } from '../../store/fetch-blobs.ts';
import { openStore } from '../../store/open-store.ts';
import { processMark } from '../../store/process-mark.ts';
import { withLock } from '../../store/store-lock.ts';
import { openRealWorkshop } from '../../testing/real-workshop.ts';
import { profileListener } from './profile-listener.ts';
import type { Trace } from './trace-events.ts';

const secret = 'correct-horse-battery';
const content = Buffer.from('a package');
const reference = {
  sha256: createHash('sha256').update(content).digest('hex'),
  sizeBytes: content.length,
};

let server: Server;
let mirror: string;
let root: string;
beforeAll(async () => {
  server = createServer((_request, response) => response.end(content));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  mirror = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  root = await mkdtemp(join(tmpdir(), 'profile-'));
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(root, { recursive: true, force: true });
});

/** As it is after it was written to a file and read back. */
const readBack = (trace: Trace): Trace => JSON.parse(JSON.stringify(trace));
const spansOf = (trace: Trace) =>
  readBack(trace).traceEvents.flatMap(({ ph, ts, dur, ...rest }) =>
    ph === 'X' && ts !== undefined && dur !== undefined ? [{ ...rest, ts, end: ts + dur, dur }] : [],
  );
type TraceSpan = ReturnType<typeof spansOf>[number];

/** Of two in one lane, one is within the other or after it. */
function areNested(spans: readonly TraceSpan[]): boolean {
  return spans.every((one) =>
    spans.every(
      (other) =>
        one.tid !== other.tid ||
        one.end <= other.ts ||
        other.end <= one.ts ||
        (one.ts <= other.ts && other.end <= one.end) ||
        (other.ts <= one.ts && one.end <= other.end),
    ),
  );
}

describe('the profile of a session with a store', () => {
  const host = createBuildHost();
  const spec = (title: string) => ({ title, moduleUrl: import.meta.url, inputs: { title } });

  test('steps, tools, downloads, waiting and failures: parsed, nested, without what is secret', async () => {
    const profile = profileListener(host.elapsedMs);
    const { emit } = profile;
    const store = await openStore({ root, host, emit });
    const { openTools } = await openRealWorkshop(host, emit);
    const tools = await openTools('image');
    const runShell = (script: string) =>
      tools.run({
        file: '/usr/bin/dash',
        arguments: ['-c', script, secret],
        environment: { PASSPHRASE: secret },
      });

    await withSpan(emit, { kind: 'command', title: 'build demo' }, async () => {
      const urls = [`http://user:${secret}@${mirror}/package.deb?token=${secret}`];
      await fetchBlobs({ host, store, emit }, [{ reference, title: 'package demo', urls }], 'packages');
      // Both at once, and the first for as long as the second has work.
      const isDone = Promise.withResolvers<void>();
      await Promise.all([
        store.step(spec('slow'), async () => {
          await runShell(':');
          await isDone.promise;
        }),
        store.step(spec('quick'), () => writeFile(join(root, 'quick'), '')).then(() => isDone.resolve()),
      ]);
      await store.step(spec('slow'), () => Promise.reject(new Error('made twice')));
      const broken = store.step(spec('broken'), async () => {
        await runShell(`echo ${secret} >&2; exit 3`);
      });
      await expect(broken).rejects.toThrow(KeelsonError);
      await writeFile(join(root, 'locks/busy'), processMark());
      const release = (event: BuildEvent): void => {
        emit(event);
        if (event.type === 'span-started') rmSync(join(root, 'locks/busy'));
      };
      await withLock({ host, store, emit: release }, 'busy', async () => {});
    });

    const trace = profile.trace('keelson build demo');
    expect(JSON.stringify(trace)).not.toContain(secret);
    const spans = spansOf(trace);
    expect(spans.every(({ ts, dur }) => ts >= 0 && dur >= 0)).toBe(true);
    expect(areNested(spans)).toBe(true);
    const named = (name: string) => spans.filter((each) => each.name === name);
    const told = spans.map(({ cat, name, args }) => `${cat} ${name}: ${args.result ?? args.error ?? ''}`);
    expect(told).toEqual([
      'work start and load the program: ',
      'step unpack image tools: hit',
      'command build demo: ',
      'download package demo: ',
      'step slow: ran',
      'step quick: ran',
      'tool dash: ',
      'step slow: hit',
      'step broken: TOOL_FAILED',
      'tool dash: TOOL_FAILED',
      'wait wait for another build: ',
    ]);
    expect(named('package demo')[0]?.args).toEqual({ from: `http://${mirror}`, sizeBytes: content.length });
    // A tool is in the lane of its step, and a step side by side with another is not.
    const [slow, quick, dash] = [named('slow')[0], named('quick')[0], named('dash')[0]];
    expect(dash?.tid).toBe(slow?.tid);
    expect(quick?.tid).not.toBe(slow?.tid);
    expect(Number(dash?.ts)).toBeGreaterThanOrEqual(Number(slow?.ts));
  });

  test('what was under way when it was interrupted is there, and says so', async () => {
    const profile = profileListener(host.elapsedMs);
    const store = await openStore({ root, host, emit: profile.emit });
    const goOn = Promise.withResolvers<void>();
    const isUnderWay = Promise.withResolvers<void>();
    const step = store.step(spec('long'), async () => {
      isUnderWay.resolve();
      await goOn.promise;
    });
    await isUnderWay.promise;
    const spans = spansOf(profile.trace('keelson build demo'));
    expect(spans.map(({ name, args }) => [name, args])).toEqual([
      ['start and load the program', {}],
      ['long', { result: 'unfinished' }],
    ]);
    expect(areNested(spans)).toBe(true);
    goOn.resolve();
    await step;
  });
});
