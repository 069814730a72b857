import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { OpenedPackage } from '../debian/package.ts';
import { FaultsError } from '../errors/keelson-error.ts';
import type { FileRequest } from '../services/service-definition.ts';
import { bytesOf } from './byte-source.ts';
import { mergedUsrNodes } from './merged-usr.ts';
import { printTree } from './print-tree.ts';
import { sliceFiles } from './slice-files.ts';
import { fakeElf } from './testing/fake-elf.ts';
import { fakePackage } from './testing/fake-package.ts';
import type { Tree } from './tree.ts';

const loader = '/lib64/ld-linux-x86-64.so.2';
const libc = fakePackage('libc6', {
  '/usr/lib64/ld-linux-x86-64.so.2': '-> ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2',
  '/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2': fakeElf(),
  '/usr/lib/x86_64-linux-gnu/libc.so.6': fakeElf({ needed: ['ld-linux-x86-64.so.2'] }),
  '/usr/share/doc/libc6/copyright': 'GPL',
});
const program = (needed: readonly string[], more = {}) => fakeElf({ interpreter: loader, needed, ...more });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slice-'));
  await writeFile(join(folder, 'page.html.hbs'), '<p>{{recipe.hostname}}</p>\n');
  await writeFile(join(folder, 'plain'), 'as it is {{here}}\n');
});
afterAll(() => rm(folder, { recursive: true }));

describe('sliceFiles', () => {
  test.each<{ situation: string; packages: OpenedPackage[]; files: (string | object)[]; tree: string }>([
    {
      situation: 'a program brings its loader and libraries, links included, and nothing else',
      packages: [
        libc,
        fakePackage('hello', { '/usr/bin/hello': program(['libc.so.6']), '/usr/bin/other': 'x' }),
      ],
      files: ['/bin/hello'],
      tree: `
        /usr/bin/hello file package hello
        /usr/lib/x86_64-linux-gnu folder package libc6
        /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 file package libc6
        /usr/lib/x86_64-linux-gnu/libc.so.6 file package libc6
        /usr/lib64/ld-linux-x86-64.so.2 -> ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2`,
    },
    {
      situation: 'a library that is a chain of links is taken link by link',
      packages: [
        fakePackage('app', { '/usr/bin/app': fakeElf({ needed: ['libz.so.1'] }) }),
        fakePackage('zlib', {
          '/usr/lib/libz.so.1': '-> /usr/lib/libz.so.1.3',
          '/usr/lib/libz.so.1.3': '-> real/libz.so.1.3.1',
          '/usr/lib/real/libz.so.1.3.1': fakeElf(),
        }),
      ],
      files: ['/usr/bin/app'],
      tree: `
        /usr/bin/app file package app
        /usr/lib/libz.so.1 -> /usr/lib/libz.so.1.3
        /usr/lib/libz.so.1.3 -> real/libz.so.1.3.1
        /usr/lib/real folder package zlib
        /usr/lib/real/libz.so.1.3.1 file package zlib`,
    },
    {
      situation: 'a private library is found by $ORIGIN, and by the plug-in that relies on its program',
      packages: [
        fakePackage('app', {
          '/usr/bin/app': fakeElf({ needed: ['libcore.so'], runpath: '$ORIGIN/../lib/app' }),
          '/usr/lib/app/libcore.so': fakeElf(),
          '/usr/lib/app/libmore.so': fakeElf(),
          '/usr/lib/plugins/one.so': fakeElf({ needed: ['libmore.so'] }),
        }),
      ],
      files: ['/usr/lib/plugins/*.so', '/usr/bin/app'],
      tree: `
        /usr/bin/app file package app
        /usr/lib/app folder package app
        /usr/lib/app/libcore.so file package app
        /usr/lib/app/libmore.so file package app
        /usr/lib/plugins folder package app
        /usr/lib/plugins/one.so file package app`,
    },
    {
      situation: "a script brings its interpreter and env's program; one that cannot be run brings nothing",
      packages: [
        fakePackage('tools', {
          '/usr/bin/env': 'env',
          '/usr/bin/awk': '-> busybox',
          '/usr/bin/busybox': 'busybox',
          '/usr/bin/job': '#!/usr/bin/env -S awk -f\n',
        }),
      ],
      files: ['/usr/bin/job', { kind: 'content', path: '/etc/sourced', content: '#!/bin/nothing\n' }],
      tree: `
        /etc folder service web
        /etc/sourced file service web
        /usr/bin/awk -> busybox
        /usr/bin/busybox file package tools
        /usr/bin/env file package tools
        /usr/bin/job file package tools`,
    },
    {
      situation: 'patterns: * within a component, ** at any depth; other signs are themselves',
      packages: [
        fakePackage('data', {
          '/usr/share/a/1.conf': 'x',
          '/usr/share/a/b/2.conf': 'x',
          '/usr/share/z+/3': 'x',
          '/usr/share/zz/3': 'x',
        }),
      ],
      files: ['/usr/share/a/*.conf', '/usr/share/z+/**'],
      tree: `
        /usr/share folder package data
        /usr/share/a folder package data
        /usr/share/a/1.conf file package data
        /usr/share/z+ folder package data
        /usr/share/z+/3 file package data`,
    },
    {
      situation: "the owner's files: rendered, as they are, linked, bundled; a link brings what it names",
      packages: [fakePackage('busybox', { '/usr/bin/busybox': 'busybox' })],
      files: [
        { kind: 'source', path: '/srv/page.html', source: 'page.html.hbs' },
        { kind: 'source', path: '/srv/plain', source: 'plain' },
        { kind: 'link', path: '/bin/sh', target: 'busybox' },
        { kind: 'link', path: '/etc/hosts', target: '/run/hosts' },
        { kind: 'folder', path: '/srv/spool', mode: 0o1777 },
        { kind: 'program', path: '/usr/lib/x.js', program: 'x' },
      ],
      tree: `
        /etc folder service web
        /etc/hosts -> /run/hosts
        /srv folder service web
        /srv/page.html file service web
        /srv/plain file service web
        /srv/spool folder service web
        /usr/bin/busybox file package busybox
        /usr/bin/sh -> busybox
        /usr/lib/x.js file service web`,
    },
    {
      situation: 'what the owner gives wins over what a pattern matches',
      packages: [fakePackage('web', { '/etc/web/a.conf': 'theirs', '/etc/web/b.conf': 'theirs' })],
      files: ['/etc/web/*', { kind: 'content', path: '/etc/web/a.conf', content: 'ours' }],
      tree: `
        /etc folder package web
        /etc/web folder package web
        /etc/web/a.conf file service web
        /etc/web/b.conf file package web`,
    },
  ])('$situation', async ({ packages, files, tree }) => {
    const sliced = await slice(packages, files);
    expect(summary(sliced.tree)).toBe(tree.replaceAll(/^ +/gm, '').trim());
  });

  test('templates are filled in, and only they', async () => {
    const { tree } = await slice(
      [],
      [
        { kind: 'source', path: '/page', source: 'page.html.hbs' },
        { kind: 'source', path: '/plain', source: 'plain' },
      ],
    );
    expect(await contentOf(tree, '/page')).toBe('<p>box</p>\n');
    expect(await contentOf(tree, '/plain')).toBe('as it is {{here}}\n');
  });

  test('names the packages that gave files, and no others', async () => {
    const unused = fakePackage('unused', { '/usr/bin/unused': 'x' });
    const app = fakePackage('app', { '/usr/bin/app': program(['libc.so.6']) });
    const { packages } = await slice([unused, libc, app], ['/usr/bin/app']);
    expect(packages.map(({ name }) => name)).toEqual(['app', 'libc6']);
  });

  test.each<{ situation: string; packages: OpenedPackage[]; files: (string | object)[]; faults: string[] }>([
    {
      situation: 'files that no package has, all together, with what was probably meant',
      packages: [fakePackage('nginx', { '/usr/sbin/nginx': 'x' })],
      files: ['/usr/bin/ngnix', '/usr/share/nothing/*'],
      faults: [
        'FILE_NOT_IN_PACKAGE Cannot take /usr/bin/ngnix for service web: no package of its has that file (looked in: nginx) | did you mean /usr/sbin/nginx?',
        'FILE_NOT_IN_PACKAGE Cannot take /usr/share/nothing/* for service web: no package of its has that file (looked in: nginx) | add the package that has it to packages, or correct the path',
      ],
    },
    {
      situation: 'a file when no packages are named',
      packages: [],
      files: ['/usr/sbin/nginx'],
      faults: [
        'FILE_NOT_IN_PACKAGE Cannot take /usr/sbin/nginx for service web: no package of its has that file (looked in: it names no packages) | add the package that has it to packages, or correct the path',
      ],
    },
    {
      situation: 'a library that no package has',
      packages: [fakePackage('app', { '/usr/bin/app': fakeElf({ needed: ['libgone.so.1'] }) })],
      files: ['/usr/bin/app'],
      faults: [
        'LIBRARY_NOT_FOUND Cannot run /usr/bin/app (package app): no package has the library libgone.so.1 that it needs | add the package that has libgone.so.1 to packages, and run `keelson lock`',
      ],
    },
    {
      situation: 'an interpreter that no package has, of a program and of a script',
      packages: [
        fakePackage('app', {
          '/usr/bin/app': fakeElf({ interpreter: loader }),
          '/usr/bin/x': '#!/bin/perl -w\n',
        }),
      ],
      files: ['/usr/bin/*'],
      faults: [
        `INTERPRETER_NOT_FOUND Cannot run /usr/bin/app (package app): there is no ${loader}, which it needs | add ${loader} to files, with the package that has it, and run \`keelson lock\``,
        'INTERPRETER_NOT_FOUND Cannot run /usr/bin/x (package app): there is no /bin/perl, which it needs | add /bin/perl to files, with the package that has it, and run `keelson lock`',
      ],
    },
    {
      situation: 'a broken ELF file',
      packages: [fakePackage('app', { '/usr/bin/app': fakeElf().subarray(0, 100) })],
      files: ['/usr/bin/app'],
      faults: [
        'ELF_INVALID Cannot read the ELF headers of /usr/bin/app (package app): program headers beyond the end of the file | ask for another version of the package, or leave the file out',
      ],
    },
    {
      situation: 'a source that has gone since the recipe was loaded',
      packages: [],
      files: [{ kind: 'source', path: '/x', source: 'gone' }],
      faults: [
        'SOURCE_MISSING Cannot take the file gone for service web: it cannot be read | create FOLDER/gone or correct the name',
      ],
    },
    {
      situation: 'two files that are asked for at one path, and a file where a folder must be',
      packages: [fakePackage('web', { '/etc/web.conf': 'theirs' })],
      files: [
        '/etc/web.conf',
        { kind: 'content', path: '/etc/web.conf', content: 'ours' },
        { kind: 'content', path: '/etc/web.conf/below', content: 'x' },
      ],
      faults: [
        'PATH_CONFLICT Cannot put two different things at /etc/web.conf: package web (a file) and service web (a file) | give one of them another path, or remove it from service web',
        'PATH_CONFLICT Cannot put two different things at /etc/web.conf: package web (a file) and service web (a folder) | give one of them another path, or remove it from service web',
      ],
    },
    {
      situation: 'two packages with different files at one path',
      packages: [fakePackage('one', { '/usr/bin/x': '1' }), fakePackage('two', { '/usr/bin/x': '2' })],
      files: ['/usr/bin/x'],
      faults: [
        'PATH_CONFLICT Cannot take /usr/bin/x: package one and package two have different files there | ask for only one of the two packages',
      ],
    },
  ])('faults: $situation', async ({ packages, files, faults }) => {
    const error = await slice(packages, files).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FaultsError);
    const texts = (error as FaultsError).faults.map(
      ({ code, message, hint }) => `${code} ${message} | ${hint}`,
    );
    expect(texts.map((text) => text.replaceAll(folder, 'FOLDER'))).toEqual(faults);
  });
});

function slice(packages: readonly OpenedPackage[], files: readonly (string | object)[]) {
  const place = { file: join(folder, 'service.yaml'), line: 1 };
  const owned = { mode: 0o644, uid: 0, gid: 0 };
  const requests = files.map((file) =>
    typeof file === 'string' ? { kind: 'package', path: file, place } : { ...owned, ...file, place },
  ) as FileRequest[];
  const words = { name: 'r', version: '1', description: '', architecture: 'x86-64' };
  const recipe = { ...words, hostname: 'box', suites: [] };
  return sliceFiles({
    parts: [{ owner: 'service web', files: requests, context: { recipe } }],
    packages,
    bundleProgram: async (name) => bytesOf(`program ${name}`),
  });
}

/** Without what every root has, one line a path: kind and owner. */
function summary(tree: Tree): string {
  const always = new Set([...mergedUsrNodes().keys(), '/', '/usr']);
  const rest = new Map([...tree].filter(([path]) => !always.has(path)));
  return printTree(rest, { hasOrigins: true })
    .replaceAll(/ [0-7]{4} [0-9]+:[0-9]+/g, '')
    .replaceAll(/ file .* \((.*)\)$/gm, ' file $1')
    .replaceAll(/ folder \((.*)\)$/gm, ' folder $1')
    .replaceAll(/( -> .*) \(.*\)$/gm, '$1');
}

async function contentOf(tree: Tree, path: string): Promise<string | undefined> {
  const node = tree.get(path);
  return node?.type === 'file' ? (await node.content.read()).toString() : undefined;
}
