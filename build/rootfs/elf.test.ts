import { describe, expect, test } from '@jest/globals';
import { readElf } from './elf.ts';
import { fakeElf } from './testing/fake-elf.ts';

describe('readElf', () => {
  test.each([
    {
      situation: 'a program',
      bytes: fakeElf({ interpreter: '/lib64/ld-linux-x86-64.so.2', needed: ['liba.so.1', 'libc.so.6'] }),
      result: {
        machine: 'x86-64',
        interpreter: '/lib64/ld-linux-x86-64.so.2',
        needed: ['liba.so.1', 'libc.so.6'],
        searchFolders: [],
      },
    },
    {
      situation: 'a library for arm64 that needs nothing',
      bytes: fakeElf({ machine: 'arm64' }),
      result: { machine: 'arm64', interpreter: undefined, needed: [], searchFolders: [] },
    },
    {
      situation: 'RUNPATH, which makes RPATH count for nothing',
      bytes: fakeElf({ runpath: '$ORIGIN/../lib:/opt/lib', rpath: '/old' }),
      result: {
        machine: 'x86-64',
        interpreter: undefined,
        needed: [],
        searchFolders: ['$ORIGIN/../lib', '/opt/lib'],
      },
    },
    {
      situation: 'RPATH alone',
      bytes: fakeElf({ rpath: '/old' }),
      result: { machine: 'x86-64', interpreter: undefined, needed: [], searchFolders: ['/old'] },
    },
    { situation: 'a text', bytes: Buffer.from('#!/bin/sh\n'), result: undefined },
    { situation: 'an empty file', bytes: Buffer.alloc(0), result: undefined },
    { situation: '32 bits', bytes: change(fakeElf(), 4, 1), result: undefined },
    { situation: 'big endian', bytes: change(fakeElf(), 5, 2), result: undefined },
    { situation: 'another machine', bytes: change(fakeElf(), 18, 3), result: undefined },
  ])('$situation', ({ bytes, result }) => {
    expect(readElf(bytes)).toEqual(result);
  });

  test.each([
    {
      situation: 'headers past the end',
      bytes: change(fakeElf(), 56, 200),
      message: /beyond the end of the file/,
    },
    {
      situation: 'headers of a wrong size',
      bytes: change(fakeElf(), 54, 57),
      message: /of 57 bytes, not 56/,
    },
    { situation: 'a header table at 2^63', bytes: change(fakeElf(), 39, 0x80), message: /more than 53 bits/ },
    {
      situation: 'a string table that no segment holds',
      bytes: change(fakeElf({ needed: ['liba.so'] }), 64 + 32, 0),
      message: /an address that no segment holds/,
    },
    {
      situation: 'a name outside of the string table',
      bytes: change(fakeElf({ needed: ['liba.so'] }), -64 + 8, 0xee),
      message: /beyond the end of the string table/,
    },
  ])('refuses $situation', ({ bytes, message }) => {
    expect(() => readElf(bytes)).toThrow(message);
  });

  test('cut anywhere or with any byte changed, it answers or throws RangeError, and never hangs', () => {
    const whole = fakeElf({ interpreter: '/lib64/ld.so', needed: ['liba.so.1'], runpath: '/opt' });
    for (let at = 0; at < whole.length; at++) {
      for (const bytes of [whole.subarray(0, at), change(whole, at, 0xff), change(whole, at, 0)]) {
        try {
          readElf(bytes);
        } catch (error) {
          expect((error as Error).name).toBe('RangeError');
        }
      }
    }
  });
});

/** A copy with one byte set; a negative position counts from the end. */
function change(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at < 0 ? copy.length + at : at] = value;
  // The size of the only loaded segment is eight bytes: all zero is what "nothing" means.
  if (at === 64 + 32 && value === 0) copy.fill(0, at, at + 8);
  return copy;
}
