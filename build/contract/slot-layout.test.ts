import { describe, expect, test } from '@jest/globals';
import {
  decodeSlotTrailer,
  encodeSlotTrailer,
  hashTreeBlocks,
  locateTrailer,
  planSlot,
  readSlotTrailer,
  type SlotTrailer,
  slotBlockBytes,
} from './slot-layout.ts';

const dataBlocks = 300;
const ukiBytes = 5000;
const rootBytes = (dataBlocks + 1 + 3 + 1) * slotBlockBytes;

/** A slot with just the headers that a reader goes by. */
function makeSlot(change: (slot: Buffer) => void = () => undefined): { slot: Buffer; trailer: SlotTrailer } {
  const plan = planSlot(rootBytes, ukiBytes);
  const trailer: SlotTrailer = {
    format: 1,
    recipe: 'minimal',
    version: '2026.11.1',
    architecture: 'x86-64',
    rootHash: 'ab'.repeat(32),
    root: plan.root,
    hashOffsetBytes: dataBlocks * slotBlockBytes,
    uki: { ...plan.uki, sha256: 'cd'.repeat(32) },
  };
  const slot = Buffer.alloc(plan.sizeBytes + 2 * slotBlockBytes);
  slot.writeUInt32LE(0xe0f5e1e2, 1024);
  slot.writeUInt8(12, 1024 + 12);
  slot.writeUInt32LE(dataBlocks, 1024 + 36);
  const verity = trailer.hashOffsetBytes;
  slot.write('verity', verity);
  slot.writeUInt32LE(1, verity + 8);
  slot.write('sha256', verity + 32);
  slot.writeUInt32LE(4096, verity + 64);
  slot.writeUInt32LE(4096, verity + 68);
  slot.writeUInt32LE(dataBlocks, verity + 72);
  const uki = plan.uki.offsetBytes;
  slot.write('MZ', uki);
  slot.writeUInt32LE(128, uki + 60);
  slot.write('PE\0\0', uki + 128);
  slot.writeUInt16LE(1, uki + 128 + 6);
  slot.writeUInt16LE(240, uki + 128 + 20);
  slot.writeUInt16LE(0x20b, uki + 128 + 24);
  slot.writeUInt32LE(ukiBytes - 512, uki + 128 + 24 + 240 + 16);
  slot.writeUInt32LE(512, uki + 128 + 24 + 240 + 20);
  slot.set(encodeSlotTrailer(trailer), plan.trailerOffsetBytes);
  change(slot);
  return { slot, trailer };
}

const readerOf = (slot: Buffer) => (offsetBytes: number, sizeBytes: number) =>
  slot.subarray(offsetBytes, offsetBytes + sizeBytes);

describe('slot', () => {
  test('parts follow each other in whole blocks, the trailer last', () => {
    expect(planSlot(8192, 4097)).toEqual({
      root: { offsetBytes: 0, sizeBytes: 8192 },
      uki: { offsetBytes: 8192, sizeBytes: 4097 },
      trailerOffsetBytes: 16384,
      sizeBytes: 20480,
    });
  });

  test('the trailer is found by the headers of what lies before it, also when the partition goes on', () => {
    const { slot, trailer } = makeSlot();
    expect(readSlotTrailer(readerOf(slot))).toEqual(trailer);
    expect(locateTrailer(readerOf(slot))).toBe(planSlot(rootBytes, ukiBytes).trailerOffsetBytes);
  });

  test.each([
    [1, 1],
    [128, 1],
    [129, 3],
    [300, 4],
    [128 * 128 + 1, 129 + 2 + 1],
  ])('a hash tree over %i blocks has %i', (blocks, expected) => {
    expect(hashTreeBlocks(blocks)).toBe(expected);
  });

  const verity = dataBlocks * slotBlockBytes;
  const uki = rootBytes;
  const trailerAt = planSlot(rootBytes, ukiBytes).trailerOffsetBytes;
  const text = (change: (trailer: Record<string, unknown>) => void) => (slot: Buffer) => {
    const value = JSON.parse(slot.toString('latin1', trailerAt + 16, trailerAt + 4096).replace(/\0+$/, ''));
    change(value);
    slot.fill(0, trailerAt + 16, trailerAt + 4096).write(JSON.stringify(value), trailerAt + 16);
  };
  test.each<[string, string, (slot: Buffer) => void]>([
    ['no erofs', 'the slot does not begin with an erofs file system', (slot) => slot.fill(0)],
    [
      'blocks of 512',
      'the file system has blocks of 2^9 bytes, not 4096',
      (slot) => slot.writeUInt8(9, 1036),
    ],
    [
      'no hash tree',
      'there is no dm-verity superblock after the file system',
      (slot) => slot.fill(0, verity, verity + 8),
    ],
    ['SHA-1', 'the hash tree is not of SHA-256', (slot) => slot.write('sha1\0\0\0', verity + 32)],
    [
      'small hash blocks',
      'the hash tree does not have blocks of 4096 bytes',
      (slot) => slot.writeUInt32LE(512, verity + 68),
    ],
    ['no data', 'the hash tree covers no data', (slot) => slot.writeUInt32LE(0, verity + 72)],
    [
      'huge data',
      'the slot ends before the unified kernel image',
      (slot) => slot.writeUInt32LE(0xffffffff, verity + 72),
    ],
    [
      'erofs beyond the slot',
      'the slot ends before the hash tree',
      (slot) => slot.writeUInt32LE(0xffffffff, 1060),
    ],
    ['no PE', 'there is no unified kernel image after the hash tree', (slot) => slot.write('XX', uki)],
    [
      'PE header far away',
      'there is no unified kernel image after the hash tree',
      (slot) => slot.writeUInt32LE(0xfffffff0, uki + 60),
    ],
    [
      'too many sections',
      'the headers of the unified kernel image are damaged',
      (slot) => slot.writeUInt16LE(65535, uki + 134),
    ],
    [
      'PE longer than the slot',
      'the trailer is cut short',
      (slot) => slot.writeUInt32LE(0xffffffff, uki + 128 + 24 + 240 + 16),
    ],
    ['no trailer', 'there is no trailer', (slot) => slot.fill(0, trailerAt, trailerAt + 16)],
    ['another format', 'there is no trailer', (slot) => slot.writeUInt8(2, trailerAt + 15)],
    [
      'rubbish after the text',
      'the trailer is not padded with zeros',
      (slot) => slot.writeUInt8(1, trailerAt + 4095),
    ],
    ['no JSON', 'the trailer is not JSON', (slot) => slot.write('x', trailerAt + 16)],
    [
      'null',
      'the trailer has another format',
      (slot) => slot.fill(0, trailerAt + 16, trailerAt + 4096).write('null', trailerAt + 16),
    ],
    [
      'path as recipe',
      'the trailer has no good recipe',
      text((trailer) => Object.assign(trailer, { recipe: '../x' })),
    ],
    [
      'version as object',
      'the trailer has no good version',
      text((trailer) => Object.assign(trailer, { version: {} })),
    ],
    [
      'short hash',
      'the trailer has no good rootHash',
      text((trailer) => Object.assign(trailer, { rootHash: 'ab' })),
    ],
    ['no parts', 'the trailer lacks its parts', text((trailer) => Object.assign(trailer, { root: 1 }))],
    [
      'negative size',
      'the trailer has sizes that are not whole numbers',
      text((trailer) => Object.assign(trailer, { root: { offsetBytes: 0, sizeBytes: -1 } })),
    ],
    [
      'overlapping parts',
      'the parts of the slot do not follow each other',
      text((trailer) => Object.assign(trailer.uki as object, { offsetBytes: 4096 })),
    ],
    [
      'other parts',
      'the trailer tells of other parts than the slot has',
      text((trailer) => Object.assign(trailer.uki as object, { sizeBytes: 50000 })),
    ],
  ])('refuses %s: %s', (_name, message, change) => {
    expect(() => readSlotTrailer(readerOf(makeSlot(change).slot))).toThrow(message);
  });

  test('a trailer must be one block', () => {
    expect(() => decodeSlotTrailer(new Uint8Array(100))).toThrow('the trailer is cut short');
  });

  test('what cannot be written is refused', () => {
    const { trailer } = makeSlot();
    expect(() => encodeSlotTrailer({ ...trailer, recipe: 'Grüße' })).toThrow(
      'the trailer has no good recipe',
    );
  });
});
