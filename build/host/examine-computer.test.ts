import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { BuildHost, CommandResult } from './build-host.ts';
import { examineComputer, examineNode } from './examine-computer.ts';

const answer = (result: Partial<CommandResult>, status = 200): BuildHost => ({
  environmentVariable: () => undefined,
  now: () => 0,
  elapsedMs: () => 0,
  signal: new AbortController().signal,
  cpuCount: 2,
  isRoot: false,
  run: async () => ({ exitCode: 0, stdout: '', stderr: '', ...result }),
  download: async () => ({ status, headers: {}, body: (async function* () {})() }),
  wait: async () => {},
});

const examine = async (host: BuildHost, mirrors: readonly string[] = ['http://mirror.example/debian']) =>
  examineComputer(host, { storeRoot: join(await mkdtemp(join(tmpdir(), 'doctor-')), 'store'), mirrors });

describe('keelson doctor', () => {
  test('nothing bad on a computer that suits', async () => {
    const findings = await examine(answer({}));
    expect(findings.filter((finding) => finding.verdict === 'bad')).toEqual([]);
  });

  test('namespaces refused: what and what to do', async () => {
    const findings = await examine(answer({ exitCode: 1, stderr: 'unshare: Operation not permitted\n' }));
    expect(findings).toContainEqual({
      verdict: 'bad',
      what: 'namespaces are refused: unshare: Operation not permitted',
      hint: expect.stringContaining('build as root'),
    });
  });

  test('no mirror, or one that answers wrongly', async () => {
    expect(await examine(answer({}), [])).toContainEqual(
      expect.objectContaining({ verdict: 'warning', hint: 'set KEELSON_MIRROR, or give --mirror' }),
    );
    expect(await examine(answer({}, 500))).toContainEqual(
      expect.objectContaining({
        verdict: 'warning',
        what: 'Debian mirror http://mirror.example/debian answers with 500',
      }),
    );
  });

  test.each([
    ['20.19.0', 'bad'],
    ['22.17.9', 'bad'],
    ['22.18.0', 'good'],
    ['24.0.0', 'good'],
  ])('Node %s is %s', (version, verdict) => {
    expect(examineNode(version).verdict).toBe(verdict);
  });
});
