import { describe, expect, test } from '@jest/globals';
import { fakeElf } from '../../rootfs/testing/fake-elf.ts';
import { readDynamicSymbols, readElfSections } from './elf-sections.ts';
import { addSections, symbolSections } from './testing/fake-sections.ts';

const sections = {
  '.symtab': Buffer.alloc(48),
  ...symbolSections({ gives: ['open'], takes: ['close', 'read'] }),
};

describe('sections of an ELF file', () => {
  test('with their names and what they hold', () => {
    const elf = readElfSections(addSections(fakeElf(), sections));
    expect(elf?.isRelocatable).toBe(false);
    expect(elf?.sections.map(({ name, content }) => [name, content.length])).toEqual([
      ['', 0],
      ['.symtab', 48],
      ['.dynsym', 96],
      ['.dynstr', 17],
      ['.shstrtab', 35],
    ]);
  });

  test('what it gives to others, and what it takes from them', () => {
    const elf = readElfSections(addSections(fakeElf(), sections));
    expect(elf && readDynamicSymbols(elf)).toEqual({
      given: new Set(['open']),
      taken: new Set(['close', 'read']),
    });
    expect(readDynamicSymbols({ isRelocatable: false, sections: [] })).toEqual({
      given: new Set(),
      taken: new Set(),
    });
  });

  test('a module says that it is one', () => {
    expect(readElfSections(addSections(fakeElf(), {}, { isRelocatable: true }))?.isRelocatable).toBe(true);
  });

  test.each([
    ['a text', Buffer.from('#!/bin/sh\n')],
    ['a file without section headers', fakeElf()],
    ['32 bits', change(addSections(fakeElf(), sections), 4, 1)],
  ])('%s has none', (_name, bytes) => {
    expect(readElfSections(bytes)).toBeUndefined();
  });

  test('cut or with a byte changed, it answers or throws RangeError', () => {
    const whole = addSections(fakeElf({ needed: ['liba.so.1'] }), sections);
    const thrown = new Set<string>();
    for (let at = 0; at < whole.length; at += 3) {
      for (const bytes of [whole.subarray(0, at), change(whole, at, 0xff), change(whole, at, 0)]) {
        try {
          const elf = readElfSections(bytes);
          if (elf !== undefined) readDynamicSymbols(elf);
        } catch (error) {
          thrown.add((error as Error).name);
        }
      }
    }
    expect([...thrown]).toEqual(['RangeError']);
  });
});

function change(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = value;
  return copy;
}
