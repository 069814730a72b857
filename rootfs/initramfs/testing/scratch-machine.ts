import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import type { BootSlot } from '../../../build/contract/boot-entries.ts';
import { type BootLedger, parseLedger } from '../../../build/contract/boot-ledger.ts';

const script = join(import.meta.dirname, '../ledger.sh');
export const rootHashes = { a: 'aa'.repeat(32), b: 'bb'.repeat(32) } as const;
export const versions = { a: '2026.11.1', b: '2026.11.2' } as const;
/** The block before the last of four. */
export const block = 2;

let folder: string;
let kernels: string;

/** A file of a slot's partition, outside of the tests' own functions. */
export const partitionPath = (slot: BootSlot): string => join(folder, slot);

/** Two small partitions and an empty folder of kernels for each test. */
export function useScratchMachine(): void {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ledger-'));
    kernels = join(folder, 'kernels');
    mkdirSync(kernels);
    for (const slot of ['a', 'b']) writeFileSync(join(folder, slot), new Uint8Array(4 * 4096).fill(7));
  });

  afterEach(() => rmSync(folder, { recursive: true }));
}

/** Runs the real script; only what touches the machine is another: devices, mounts, waiting, restarting. */
export function runShell(slot: BootSlot, commands: string): readonly string[] {
  const other = slot === 'a' ? 'b' : 'a';
  const lines = [
    `. "${script}"`,
    `kernels="${kernels}" ledger_copy="${folder}/copy" asked_slot=${slot} other_slot=${other}`,
    `ROOT_HASH=${rootHashes[slot]} VERSION=${versions[slot]} disks=vda`,
    `find_ledger() { ledger="${folder}/${slot}" ledger_block=${block}; }`,
    'open_esp() { :; }',
    'close_esp() { :; }',
    'pause() { :; }',
    // The disk of this computer may be slow.
    'sync() { :; }',
    'say() { echo "said: $1"; }',
    'announce() { echo "told: $1"; }',
    'restart() { echo restart; exit 0; }',
    commands,
  ];
  return execFileSync('sh', ['-u', '-c', lines.join('\n')], { encoding: 'utf8' })
    .split('\n')
    .slice(0, -1);
}

export function putNames(names: readonly string[], content = 'MZ kernel'): void {
  for (const name of names) writeFileSync(join(kernels, name), content);
}

export const names = () => readdirSync(kernels).sort();

export function readLedger(slot: BootSlot): BootLedger | undefined {
  return parseLedger(readFileSync(join(folder, slot)).subarray(block * 4096, (block + 1) * 4096));
}

export function putLedger(slot: BootSlot, text: string): void {
  const bytes = readFileSync(join(folder, slot));
  bytes.fill(0, block * 4096, (block + 1) * 4096);
  bytes.write(text, block * 4096, 'latin1');
  writeFileSync(join(folder, slot), bytes);
}

export const open = (starts: number): BootLedger => ({
  rootHash: rootHashes.a,
  version: versions.a,
  starts,
  state: 'open',
  reason: '',
});
