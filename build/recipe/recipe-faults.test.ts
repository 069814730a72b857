// A table of situations, long because it quotes every message whole.
import { expect, test } from '@jest/globals';
import { type FixtureFiles, recipeText, renderFaults, serviceText } from './fixture-repository.ts';

interface Situation {
  readonly situation: string;
  readonly files: FixtureFiles;
  /** The recipe to load; `mine` when left out. */
  readonly name?: string;
  readonly says: readonly string[];
}

const service = 'system-services/a/service.yaml';
const recipe = 'recipes/mine/recipe.yaml';

const situations: readonly Situation[] = [
  {
    situation: 'a recipe that does not exist',
    files: {
      [recipe]: recipeText('mine'),
    },
    name: 'mien',
    says: [
      'Cannot find the recipe "mien"  [RECIPE_UNKNOWN]',
      'hint: did you mean "mine"? (a path needs a slash: ./mien)',
    ],
  },
  {
    situation: 'a path to no recipe',
    files: {
      [recipe]: recipeText('mine'),
    },
    name: './elsewhere',
    says: [
      'Cannot find the recipe "./elsewhere": there is no such file  [RECIPE_UNKNOWN]',
      'hint: create elsewhere/recipe.yaml or correct the path',
    ],
  },
  {
    situation: 'text that is not YAML',
    files: {
      [recipe]: recipeText('mine', 'services: [a, b'),
    },
    says: [
      'recipes/mine/recipe.yaml:5:1: Cannot read as YAML: Flow sequence in block collection must be sufficiently indented and end with a ]  [YAML_UNREADABLE]',
      '  5 | ',
      '    | ^',
      'hint: check indentation, colons and brackets; a value that begins with { or [ as text needs quotes',
    ],
  },
  {
    situation: 'a key that is there twice',
    files: {
      [recipe]: recipeText('mine', 'name: other'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:1: Cannot read as YAML: Map keys must be unique  [YAML_UNREADABLE]',
      '  4 | name: other',
      '    | ^',
      'hint: keep one of the two keys',
    ],
  },
  {
    situation: 'a list instead of keys',
    files: {
      [recipe]: '- a\n',
    },
    says: [
      'recipes/mine/recipe.yaml:1:1: Cannot use a list as the whole file: expected a table of keys  [VALUE_INVALID]',
      '  1 | - a',
      '    | ^',
      'hint: write it as keys with values, each on a line of its own: "key: value"',
    ],
  },
  {
    situation: 'an empty file',
    files: {
      [recipe]: '',
    },
    says: [
      'recipes/mine/recipe.yaml:1:1: Cannot do without the key "name" at the top of the file  [KEY_MISSING]',
      '  1 | ',
      '    | ^',
      'hint: add "name: …"',
      '',
      'recipes/mine/recipe.yaml:1:1: Cannot do without the key "version" at the top of the file  [KEY_MISSING]',
      '  1 | ',
      '    | ^',
      'hint: add "version: …"',
      '',
      'recipes/mine/recipe.yaml:1:1: Cannot do without the key "description" at the top of the file  [KEY_MISSING]',
      '  1 | ',
      '    | ^',
      'hint: add "description: …"',
      '',
      '3 faults',
    ],
  },
  {
    situation: 'unknown keys',
    files: {
      [recipe]: recipeText('mine', 'servces: []', 'disk: { slot: 1MiB }'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:1: Cannot use the key "servces" at the top of the file  [KEY_UNKNOWN]',
      '  4 | servces: []',
      '    | ^',
      'hint: did you mean "services"?',
      '',
      'recipes/mine/recipe.yaml:5:9: Cannot use the key "slot" in "disk"  [KEY_UNKNOWN]',
      '  5 | disk: { slot: 1MiB }',
      '    |         ^',
      'hint: did you mean "slotSize"?',
      '',
      '2 faults',
    ],
  },
  {
    situation: 'wrong types',
    files: {
      [recipe]: recipeText('mine', 'services: 3', 'layers: [1]', 'users: { name: x }', 'outputs: []'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:11: Cannot use 3 for "services": expected a list  [VALUE_INVALID]',
      '  4 | services: 3',
      '    |           ^',
      'hint: write it as a list: [one, two]',
      '',
      'recipes/mine/recipe.yaml:5:10: Cannot use 1 for an entry of "layers": expected text  [VALUE_INVALID]',
      '  5 | layers: [1]',
      '    |          ^',
      'hint: put it in quotes: "1"',
      '',
      'recipes/mine/recipe.yaml:6:8: Cannot use a table for "users": expected a list  [VALUE_INVALID]',
      '  6 | users: { name: x }',
      '    |        ^',
      'hint: write it as a list: [one, two]',
      '',
      'recipes/mine/recipe.yaml:7:10: Cannot use a list for "outputs": expected at least 1 entry  [VALUE_INVALID]',
      '  7 | outputs: []',
      '    |          ^',
      '',
      '4 faults',
    ],
  },
  {
    situation: 'values outside of a closed set',
    files: {
      [recipe]: recipeText('mine', 'architecture: x86_64', 'outputs: [qcow]'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:15: Cannot use "x86_64" for "architecture": expected one of x86-64, arm64  [VALUE_INVALID]',
      '  4 | architecture: x86_64',
      '    |               ^',
      'hint: did you mean "x86-64"?',
      '',
      'recipes/mine/recipe.yaml:5:11: Cannot use "qcow" for an entry of "outputs": expected one of raw, qcow2  [VALUE_INVALID]',
      '  5 | outputs: [qcow]',
      '    |           ^',
      'hint: did you mean "qcow2"?',
      '',
      '2 faults',
    ],
  },
  {
    situation: 'a version that boot loaders would order wrongly',
    files: {
      [recipe]: 'name: mine\nversion: 2026.11.0-rc1\ndescription: A recipe\n',
    },
    says: [
      'recipes/mine/recipe.yaml:2:10: Cannot use "2026.11.0-rc1" for "version": expected a version YYYY.MM.N such as 2026.11.0  [RECIPE_VERSION_INVALID]',
      '  2 | version: 2026.11.0-rc1',
      '    |          ^',
      'hint: write year, two digits of the month and a counter: 2026.11.0 (no letters: boot loaders order them differently)',
    ],
  },
  {
    situation: 'a version that YAML reads as a number',
    files: {
      [recipe]: 'name: mine\nversion: 2026.10\ndescription: A recipe\n',
    },
    says: [
      'recipes/mine/recipe.yaml:2:10: Cannot use "2026.10" for "version": expected a version YYYY.MM.N such as 2026.11.0  [RECIPE_VERSION_INVALID]',
      '  2 | version: 2026.10',
      '    |          ^',
      'hint: write year, two digits of the month and a counter: 2026.11.0 (no letters: boot loaders order them differently)',
    ],
  },
  {
    situation: 'a recipe of another format',
    files: {
      [recipe]: 'format: 2\nname: mine\nversion: 2026.11.0\ndescription: A recipe\nunknown: 1\n',
    },
    says: [
      'recipes/mine/recipe.yaml:1:9: Cannot read a recipe of format 2: this builder reads format 1  [RECIPE_FORMAT_UNSUPPORTED]',
      '  1 | format: 2',
      '    |         ^',
      'hint: use the version of the builder that the recipe was written for, or write it anew as format 1',
    ],
  },
  {
    situation: 'recipes that extend each other',
    files: {
      [recipe]: recipeText('mine', 'extends: other'),
      'recipes/other/recipe.yaml': recipeText('other', 'extends: ../mine'),
    },
    says: [
      'recipes/other/recipe.yaml:4:10: Cannot extend in a circle: mine → other → mine  [RECIPE_CYCLE]',
      '  4 | extends: ../mine',
      '    |          ^',
      'hint: remove "extends" from one of them',
    ],
  },
  {
    situation: 'an extended recipe that does not exist',
    files: {
      [recipe]: recipeText('mine', 'extends: minimale'),
      'recipes/minimal/recipe.yaml': recipeText('minimal'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:10: Cannot find the recipe "minimale"  [RECIPE_UNKNOWN]',
      '  4 | extends: minimale',
      '    |          ^',
      'hint: did you mean "minimal"? (a path needs a slash: ./minimale)',
    ],
  },
  {
    situation: 'a service that does not exist',
    files: {
      [recipe]: recipeText('mine', 'services: [ssdh]'),
      'system-services/sshd/service.yaml': serviceText('sshd'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:12: Cannot find the service "ssdh"  [SERVICE_UNKNOWN]',
      '  4 | services: [ssdh]',
      '    |            ^',
      'hint: did you mean "sshd"?',
    ],
  },
  {
    situation: 'a layer that does not exist',
    files: {
      [recipe]: recipeText('mine', 'layers: [bsae]'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:10: Cannot find the layer "bsae"  [LAYER_UNKNOWN]',
      '  4 | layers: [bsae]',
      '    |          ^',
      'hint: did you mean "base"?',
    ],
  },
  {
    situation: 'a service twice',
    files: {
      [recipe]: recipeText('mine', 'services: [a, { name: a }]'),
      [service]: serviceText('a'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:15: Cannot have the service "a" twice in one recipe  [SERVICE_DUPLICATE]',
      '  4 | services: [a, { name: a }]',
      '    |               ^',
      'hint: keep one of the two entries',
    ],
  },
  {
    situation: 'values that a service does not have, of the wrong type, and missing',
    files: {
      [recipe]: recipeText('mine', 'services:', '  - name: a', '    values: { prot: 1, port: "22" }'),
      [service]: serviceText('a', 'values: { port: 22, server: null }'),
    },
    says: [
      'recipes/mine/recipe.yaml:5:5: Cannot use "a" without the value "server"  [VALUE_MISSING]',
      '  5 |   - name: a',
      '    |     ^',
      'hint: write "- name: a" and below it "values: { server: … }"',
      '',
      'recipes/mine/recipe.yaml:6:15: Cannot give "a" the value "prot": it does not use one  [VALUE_UNKNOWN]',
      '  6 |     values: { prot: 1, port: "22" }',
      '    |               ^',
      'hint: did you mean "port"?',
      '',
      'recipes/mine/recipe.yaml:6:24: Cannot give "a" text as the value "port": expected a number  [VALUE_INVALID]',
      '  6 |     values: { prot: 1, port: "22" }',
      '    |                        ^',
      'hint: look at "values" in the service.yaml of "a"',
      '',
      '3 faults',
    ],
  },
  {
    situation: 'a file whose source is missing',
    files: {
      [recipe]: recipeText('mine', 'files: [{ path: /etc/motd, source: files/motd }]'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:36: Cannot take the file files/motd: there is none  [SOURCE_MISSING]',
      '  4 | files: [{ path: /etc/motd, source: files/motd }]',
      '    |                                    ^',
      'hint: create recipes/mine/files/motd or correct the name',
    ],
  },
  {
    situation: 'a file without content, and one with two',
    files: {
      [recipe]: recipeText(
        'mine',
        'files:',
        '  - { path: /a }',
        '  - { path: /b, link: c, content: d }',
        '  - { path: /c, link: d, mode: 0644 }',
      ),
    },
    says: [
      'recipes/mine/recipe.yaml:5:5: Cannot make /a: nothing says what is in it  [FILE_INVALID]',
      '  5 |   - { path: /a }',
      '    |     ^',
      'hint: give exactly one of source, content, link, program, folder',
      '',
      'recipes/mine/recipe.yaml:6:5: Cannot make /b: content and link contradict  [FILE_INVALID]',
      '  6 |   - { path: /b, link: c, content: d }',
      '    |     ^',
      'hint: give exactly one of source, content, link, program, folder',
      '',
      'recipes/mine/recipe.yaml:7:5: Cannot give /c a mode or an owner: it is a link  [FILE_INVALID]',
      '  7 |   - { path: /c, link: d, mode: 0644 }',
      '    |     ^',
      'hint: remove mode, uid and gid',
      '',
      '3 faults',
    ],
  },
  {
    situation: 'a file taken from a package',
    files: {
      [recipe]: recipeText('mine', 'files: [/usr/bin/curl]'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:9: Cannot take /usr/bin/curl from a package: a recipe has no packages of its own  [FILE_INVALID]',
      '  4 | files: [/usr/bin/curl]',
      '    |         ^',
      'hint: name it in a service or a layer, or give "source" or "content"',
    ],
  },
  {
    situation: 'paths that lead elsewhere',
    files: {
      [recipe]: recipeText(
        'mine',
        'files:',
        '  - { path: etc/motd, content: x }',
        '  - { path: /etc/../x, content: x }',
        '  - { path: /etc//x, content: x }',
        '  - { path: /x, source: ../../y }',
      ),
    },
    says: [
      'recipes/mine/recipe.yaml:5:13: Cannot use "etc/motd" for "path": expected an absolute path without ".", ".." and doubled or trailing slashes  [PATH_INVALID]',
      '  5 |   - { path: etc/motd, content: x }',
      '    |             ^',
      'hint: write the path from the root, such as /etc/motd',
      '',
      'recipes/mine/recipe.yaml:6:13: Cannot use "/etc/../x" for "path": expected an absolute path without ".", ".." and doubled or trailing slashes  [PATH_INVALID]',
      '  6 |   - { path: /etc/../x, content: x }',
      '    |             ^',
      'hint: write the path from the root, such as /etc/motd',
      '',
      'recipes/mine/recipe.yaml:7:13: Cannot use "/etc//x" for "path": expected an absolute path without ".", ".." and doubled or trailing slashes  [PATH_INVALID]',
      '  7 |   - { path: /etc//x, content: x }',
      '    |             ^',
      'hint: write the path from the root, such as /etc/motd',
      '',
      'recipes/mine/recipe.yaml:8:25: Cannot use "../../y" for "source": expected a relative path without "." and ".."  [PATH_INVALID]',
      '  8 |   - { path: /x, source: ../../y }',
      '    |                         ^',
      'hint: keep the file in the folder of the YAML file and name it from there',
      '',
      '4 faults',
    ],
  },
  {
    situation: 'a mode that is not octal',
    files: {
      [recipe]: recipeText('mine', 'files: [{ path: /x, content: x, mode: 0698 }]'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:39: Cannot use "0698" for "mode": expected an octal mode such as 0644  [MODE_INVALID]',
      '  4 | files: [{ path: /x, content: x, mode: 0698 }]',
      '    |                                       ^',
      'hint: write three or four octal digits: 0644',
    ],
  },
  {
    situation: 'two owners of one path',
    files: {
      [recipe]: recipeText(
        'mine',
        'files:',
        '  - { path: /bin/x, content: a }',
        '  - { path: /usr/bin/x, content: b }',
        '  - { path: /etc/base, content: c }',
      ),
      'rootfs/layers/base/layer.yaml':
        'name: base\ndescription: Base\nfiles: [{ path: /etc/base, content: d }]\n',
    },
    says: [
      'recipes/mine/recipe.yaml:6:5: Cannot decide what is at /usr/bin/x: the recipe names it twice  [PATH_CLAIMED_TWICE]',
      '  6 |   - { path: /usr/bin/x, content: b }',
      '    |     ^',
      'hint: keep one of the two',
      '',
      'recipes/mine/recipe.yaml:7:5: Cannot decide what is at /etc/base: the layer "base" and the recipe both do  [PATH_CLAIMED_TWICE]',
      '  7 |   - { path: /etc/base, content: c }',
      '    |     ^',
      'hint: keep one of the two',
      '',
      '2 faults',
    ],
  },
  {
    situation: "files of the builder, files of a layer's packages, and files below files",
    files: {
      'recipes/mine/recipe.yaml': recipeText(
        'mine',
        'files:',
        '  - { path: /etc/os-release, content: a }',
        '  - { path: /bin/init, content: b }',
        '  - { path: /etc/x, content: c }',
        '  - { path: /etc/x/y/z, content: d }',
        '  - { path: /usr/lib/keelson/services/a/config.json, content: e }',
      ),
    },
    says: [
      'recipes/mine/recipe.yaml:5:5: Cannot decide what is at /etc/os-release: the builder and the recipe both do  [PATH_CLAIMED_TWICE]',
      '  5 |   - { path: /etc/os-release, content: a }',
      '    |     ^',
      'hint: keep one of the two',
      '',
      'recipes/mine/recipe.yaml:6:5: Cannot decide what is at /bin/init: the layer "base" and the recipe both do  [PATH_CLAIMED_TWICE]',
      '  6 |   - { path: /bin/init, content: b }',
      '    |     ^',
      'hint: keep one of the two',
      '',
      'recipes/mine/recipe.yaml:8:5: Cannot put /etc/x/y/z below /etc/x: the recipe has a file there  [PATH_BELOW_FILE]',
      '  8 |   - { path: /etc/x/y/z, content: d }',
      '    |     ^',
      'hint: choose another path for one of the two',
      '',
      'recipes/mine/recipe.yaml:9:5: Cannot put /usr/lib/keelson/services/a/config.json below /usr/lib/keelson/services: the builder has a folder of its own there  [PATH_BELOW_FILE]',
      '  9 |   - { path: /usr/lib/keelson/services/a/config.json, content: e }',
      '    |     ^',
      'hint: choose another path for one of the two',
      '',
      '4 faults',
    ],
  },
  {
    situation: 'files where nobody would see them',
    files: {
      [recipe]: recipeText(
        'mine',
        'files:',
        '  - { path: /run/motd, content: x }',
        '  - { path: /var/lib/keelson/x, link: y }',
        '  - { path: /dev, folder: true }',
        '  - { path: /running, content: x }',
      ),
    },
    says: [
      'recipes/mine/recipe.yaml:5:5: Cannot put anything at /run/motd: something else is mounted at /run  [PATH_HIDDEN]',
      '  5 |   - { path: /run/motd, content: x }',
      '    |     ^',
      'hint: choose a path that is part of the root, such as one below /etc, /srv or /usr/lib',
      '',
      'recipes/mine/recipe.yaml:6:5: Cannot put anything at /var/lib/keelson/x: something else is mounted at /var/lib/keelson  [PATH_HIDDEN]',
      '  6 |   - { path: /var/lib/keelson/x, link: y }',
      '    |     ^',
      'hint: choose a path that is part of the root, such as one below /etc, /srv or /usr/lib',
      '',
      '2 faults',
    ],
  },
  {
    situation: 'a private key in the recipe',
    files: {
      [recipe]: recipeText(
        'mine',
        'files:',
        '  - path: /etc/key',
        '    content: |',
        '      -----BEGIN OPENSSH PRIVATE KEY-----',
      ),
    },
    says: [
      'recipes/mine/recipe.yaml:7:7: Cannot take a private key into a recipe: an image is no place for secrets  [SECRET_REFUSED]',
      '  7 | (not shown)',
      '    |       ^',
      'hint: remove it, replace the key, and give the machine its secrets when it is provisioned',
    ],
  },
  {
    situation: 'a private key in a source file',
    files: {
      [recipe]: recipeText('mine', 'files: [{ path: /etc/key, source: key.pem }]'),
      'recipes/mine/key.pem': '-----BEGIN PRIVATE KEY-----\n',
    },
    says: [
      'recipes/mine/recipe.yaml:4:35: Cannot take the file key.pem: it holds a private key, and an image is no place for secrets  [SECRET_REFUSED]',
      '  4 | files: [{ path: /etc/key, source: key.pem }]',
      '    |                                   ^',
      'hint: remove it, replace the key, and give the machine its secrets when it is provisioned',
    ],
  },
  {
    situation: 'a program that does not exist',
    files: {
      [recipe]: recipeText('mine', 'files: [{ path: /usr/bin/s, program: stat }]'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:9: Cannot find the device program "stat"  [PROGRAM_UNKNOWN]',
      '  4 | files: [{ path: /usr/bin/s, program: stat }]',
      '    |         ^',
      'hint: did you mean "state"?',
    ],
  },
  {
    situation: 'kernel arguments that the builder sets',
    files: {
      [recipe]: recipeText('mine', 'kernel: { arguments: [quiet, root=/dev/sda, my.root=1] }'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:30: Cannot pass "root=/dev/sda" to the kernel: the builder decides what is booted  [KERNEL_ARGUMENT_REFUSED]',
      '  4 | kernel: { arguments: [quiet, root=/dev/sda, my.root=1] }',
      '    |                              ^',
      'hint: remove it',
      '',
      'recipes/mine/recipe.yaml:4:45: Cannot pass "my.root=1" to the kernel: the builder decides what is booted  [KERNEL_ARGUMENT_REFUSED]',
      '  4 | kernel: { arguments: [quiet, root=/dev/sda, my.root=1] }',
      '    |                                             ^',
      'hint: remove it',
      '',
      '2 faults',
    ],
  },
  {
    situation: 'a host name with a domain',
    files: {
      [recipe]: recipeText('mine', 'hostname: a.example'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:11: Cannot use "a.example" for "hostname": expected a host name of small letters, digits and dashes  [HOSTNAME_INVALID]',
      '  4 | hostname: a.example',
      '    |           ^',
      'hint: write the short name, without a domain',
    ],
  },
  {
    situation: 'users that cannot be',
    files: {
      [recipe]: recipeText(
        'mine',
        'users:',
        '  - { name: root, uid: 1000 }',
        '  - { name: me, uid: 1001 }',
        '  - { name: me, uid: 1002 }',
        '  - { name: you, uid: 1002 }',
      ),
    },
    says: [
      'recipes/mine/recipe.yaml:5:24: Cannot give root another uid than 0  [USER_INVALID]',
      '  5 |   - { name: root, uid: 1000 }',
      '    |                        ^',
      'hint: remove "uid"',
      '',
      'recipes/mine/recipe.yaml:7:5: Cannot have the user "me" twice in one recipe  [USER_DUPLICATE]',
      '  7 |   - { name: me, uid: 1002 }',
      '    |     ^',
      'hint: keep one of the two entries',
      '',
      'recipes/mine/recipe.yaml:8:23: Cannot give "you" the uid 1002: "me" has it  [USER_DUPLICATE]',
      '  8 |   - { name: you, uid: 1002 }',
      '    |                       ^',
      'hint: choose another, or leave it out',
      '',
      '3 faults',
    ],
  },
  {
    situation: 'SSH keys that are none',
    files: {
      [recipe]: recipeText(
        'mine',
        'users:',
        '  - name: me',
        '    sshKeys:',
        '      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0kP8J9Q2Yf3v0rCwq7hQmZ1p6',
        '      - command="x" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0kP8J9Q2Yf3v0rCwq7hQmZ1p6u2cQkqX8mB4m5n6o7 me',
        '      - ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIJ0kP8J9Q2Yf3v0rCwq7hQmZ1p6u2cQkqX8mB4m5n6o7 me',
        '      - ssh-ed25519 ***',
        '      - "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0kP8J9Q2Yf3v0rCwq7hQmZ1p6u2cQkqX8mB4m5n6o7 me\\nssh-rsa x"',
      ),
    },
    says: [
      'recipes/mine/recipe.yaml:7:9: Cannot use an SSH key of "me": it is cut off  [SSH_KEY_INVALID]',
      '  7 |       - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0kP8J9Q2Yf3v0rCwq7hQmZ1p6',
      '    |         ^',
      'hint: paste one line of a .pub file, such as "ssh-ed25519 AAAA… name"',
      '',
      'recipes/mine/recipe.yaml:8:9: Cannot use an SSH key of "me": "command="x"" is not a type of key that sshd takes  [SSH_KEY_INVALID]',
      '  8 |       - command="x" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0kP8J9Q2Yf3v0rCwq7hQmZ1p6u2cQkqX8mB4m5n6o7',
      '    |         ^',
      'hint: paste one line of a .pub file, such as "ssh-ed25519 AAAA… name"',
      '',
      'recipes/mine/recipe.yaml:9:9: Cannot use an SSH key of "me": its content is not of the type that it names, or cut off  [SSH_KEY_INVALID]',
      '  9 |       - ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIJ0kP8J9Q2Yf3v0rCwq7hQmZ1p6u2cQkqX8mB4m5n6o7 me',
      '    |         ^',
      'hint: paste one line of a .pub file, such as "ssh-ed25519 AAAA… name"',
      '',
      'recipes/mine/recipe.yaml:10:9: Cannot use an SSH key of "me": what follows the type is not base64  [SSH_KEY_INVALID]',
      '  10 |       - ssh-ed25519 ***',
      '     |         ^',
      'hint: paste one line of a .pub file, such as "ssh-ed25519 AAAA… name"',
      '',
      'recipes/mine/recipe.yaml:11:9: Cannot use an SSH key of "me": it has more than one line  [SSH_KEY_INVALID]',
      '  11 |       - "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0kP8J9Q2Yf3v0rCwq7hQmZ1p6u2cQkqX8mB4m5n6o7 me\\nssh-rs',
      '     |         ^',
      'hint: paste one line of a .pub file, such as "ssh-ed25519 AAAA… name"',
      '',
      '5 faults',
    ],
  },
  {
    situation: 'a disk smaller than its partitions',
    files: {
      [recipe]: recipeText('mine', 'disk: { size: 256MiB, slotSize: 128MiB, stateSize: 64MiB }'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:15: Cannot fit the partitions on a disk of 256.0 MiB: they need 642.0 MiB (boot 64.0 MiB, two slots of 128.0 MiB, state 64.0 MiB, reserve 256.0 MiB)  [DISK_TOO_SMALL]',
      '  4 | disk: { size: 256MiB, slotSize: 128MiB, stateSize: 64MiB }',
      '    |               ^',
      'hint: make the disk at least 642MiB, or the partitions or the reserve smaller',
    ],
  },
  {
    situation: 'a disk of a given size without slots of a given size',
    files: {
      [recipe]: recipeText('mine', 'disk: { size: 1GiB }'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:15: Cannot divide a disk of a given size: the size of its slots is not known  [DISK_INVALID]',
      '  4 | disk: { size: 1GiB }',
      '    |               ^',
      'hint: add "slotSize", or remove "size" and give "stateSize"',
    ],
  },
  {
    situation: 'sizes that are none, too small, or not aligned',
    files: {
      [recipe]: recipeText('mine', 'disk: { espSize: 20MiB, slotSize: 64MB, stateSize: 100000KiB }'),
    },
    says: [
      'recipes/mine/recipe.yaml:4:18: Cannot use 20MiB for "espSize": it needs at least 40.0 MiB  [DISK_TOO_SMALL]',
      '  4 | disk: { espSize: 20MiB, slotSize: 64MB, stateSize: 100000KiB }',
      '    |                  ^',
      'hint: write 40MiB or more',
      '',
      'recipes/mine/recipe.yaml:4:35: Cannot use "64MB" for "slotSize": expected a size such as 64MiB  [SIZE_INVALID]',
      '  4 | disk: { espSize: 20MiB, slotSize: 64MB, stateSize: 100000KiB }',
      '    |                                   ^',
      'hint: write a whole number and KiB, MiB, GiB or TiB',
      '',
      'recipes/mine/recipe.yaml:4:52: Cannot use 100000KiB for "stateSize": partitions are aligned to whole MiB  [SIZE_INVALID]',
      '  4 | disk: { espSize: 20MiB, slotSize: 64MB, stateSize: 100000KiB }',
      '    |                                                    ^',
      'hint: write 98MiB',
      '',
      '3 faults',
    ],
  },
];

test.each(situations)('$situation', async ({ files, name, says }) => {
  expect((await renderFaults(files, name)).split('\n')).toEqual(says);
});
