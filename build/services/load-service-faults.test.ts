// A table of situations, long because it quotes every message whole.
import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { type FixtureFiles, recipeText, renderFaults, serviceText } from '../recipe/fixture-repository.ts';
import { machineStanzas } from './check-service.ts';

interface Situation {
  readonly situation: string;
  readonly files: FixtureFiles;
  readonly says: readonly string[];
}

const service = 'system-services/a/service.yaml';
const recipe = 'recipes/mine/recipe.yaml';

const situations: readonly Situation[] = [
  {
    situation: 'a folder of another name',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('b'),
    },
    says: [
      'system-services/a/service.yaml:1:7: Cannot use the service "b" from a folder named "a"  [SERVICE_MISNAMED]',
      '  1 | name: b',
      '    |       ^',
      'hint: give the folder and the service the same name',
    ],
  },
  {
    situation: 'keys that are missing',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: 'name: a\n',
    },
    says: [
      'system-services/a/service.yaml:1:1: Cannot do without the key "description" at the top of the file  [KEY_MISSING]',
      '  1 | name: a',
      '    | ^',
      'hint: add "description: …"',
      '',
      'system-services/a/service.yaml:1:1: Cannot do without the key "command" at the top of the file  [KEY_MISSING]',
      '  1 | name: a',
      '    | ^',
      'hint: add "command: …"',
      '',
      '2 faults',
    ],
  },
  {
    situation: 'unknown keys at every depth',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText(
        'a',
        'capabilites: []',
        'resources: { memmory: 1MiB }',
        'mounts: [{ source: /a, readonly: true }]',
      ),
    },
    says: [
      'system-services/a/service.yaml:4:1: Cannot use the key "capabilites" at the top of the file  [KEY_UNKNOWN]',
      '  4 | capabilites: []',
      '    | ^',
      'hint: did you mean "capabilities"?',
      '',
      'system-services/a/service.yaml:5:14: Cannot use the key "memmory" in "resources"  [KEY_UNKNOWN]',
      '  5 | resources: { memmory: 1MiB }',
      '    |              ^',
      'hint: did you mean "memory"?',
      '',
      'system-services/a/service.yaml:6:24: Cannot use the key "readonly" in an entry of "mounts"  [KEY_UNKNOWN]',
      '  6 | mounts: [{ source: /a, readonly: true }]',
      '    |                        ^',
      'hint: did you mean "readOnly"?',
      '',
      '3 faults',
    ],
  },
  {
    situation: 'unknown capabilities',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'capabilities: [CAP_NET_ADMIM, NET_ADMIN]'),
    },
    says: [
      'system-services/a/service.yaml:4:16: Cannot use "CAP_NET_ADMIM" for an entry of "capabilities": expected a capability of Linux  [CAPABILITY_UNKNOWN]',
      '  4 | capabilities: [CAP_NET_ADMIM, NET_ADMIN]',
      '    |                ^',
      'hint: did you mean "CAP_NET_ADMIN"?',
      '',
      'system-services/a/service.yaml:4:31: Cannot use "NET_ADMIN" for an entry of "capabilities": expected a capability of Linux  [CAPABILITY_UNKNOWN]',
      '  4 | capabilities: [CAP_NET_ADMIM, NET_ADMIN]',
      '    |                               ^',
      'hint: did you mean "CAP_NET_ADMIN"?',
      '',
      '2 faults',
    ],
  },
  {
    situation: 'text where it needs quotes',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'environment: { DEBUG: 1 }', 'ports: [{{values.port}}/tcp]'),
    },
    says: [
      'system-services/a/service.yaml:5:24: Cannot read as YAML: Unexpected scalar at node end  [YAML_UNREADABLE]',
      '  5 | ports: [{{values.port}}/tcp]',
      '    |                        ^',
      'hint: check indentation, colons and brackets; a value that begins with { or [ as text needs quotes',
    ],
  },
  {
    situation: 'a number as text',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'environment: { DEBUG: 1 }'),
    },
    says: [
      'system-services/a/service.yaml:4:23: Cannot use 1 for "DEBUG": expected text  [VALUE_INVALID]',
      '  4 | environment: { DEBUG: 1 }',
      '    |                       ^',
      'hint: put it in quotes: "1"',
    ],
  },
  {
    situation: 'a list that is neither all nor paths',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'devices: every'),
    },
    says: [
      'system-services/a/service.yaml:4:10: Cannot use "every" for "devices": expected all or a list  [VALUE_INVALID]',
      '  4 | devices: every',
      '    |          ^',
    ],
  },
  {
    situation: 'a program without its path',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: 'name: a\ndescription: A\ncommand: [nginx, -g]\n',
    },
    says: [
      'system-services/a/service.yaml:3:11: Cannot run "nginx": a program needs its whole path  [PATH_INVALID]',
      '  3 | command: [nginx, -g]',
      '    |           ^',
      'hint: write where it is in the container, such as /usr/sbin/nginx',
    ],
  },
  {
    situation: 'an account that does not exist',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'user: _chrony', 'accounts: [{ name: chrony, uid: 90 }]'),
    },
    says: [
      'system-services/a/service.yaml:4:7: Cannot run as "_chrony": the service has no such account  [ACCOUNT_UNKNOWN]',
      '  4 | user: _chrony',
      '    |       ^',
      'hint: did you mean "chrony"? (or add it to "accounts")',
    ],
  },
  {
    situation: 'a filter that is none, and rules that are not there',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'seccomp: { source: filter.json }', 'apparmor: { source: rules }'),
      'system-services/a/filter.json':
        '{ "defaultAction": "SCMP_ACT_ERRNO",\n  "syscalls": [{ "names": "read" }] }\n',
    },
    says: [
      'system-services/a/filter.json:2:16: Cannot do without the key "action" in an entry of "syscalls"  [KEY_MISSING]',
      '  2 |   "syscalls": [{ "names": "read" }] }',
      '    |                ^',
      'hint: add "action: …"',
      '',
      'system-services/a/filter.json:2:27: Cannot use "read" for "names": expected a list  [VALUE_INVALID]',
      '  2 |   "syscalls": [{ "names": "read" }] }',
      '    |                           ^',
      'hint: write it as a list: [one, two]',
      '',
      'system-services/a/service.yaml:5:21: Cannot take the file rules: there is none  [SOURCE_MISSING]',
      '  5 | apparmor: { source: rules }',
      '    |                     ^',
      'hint: create system-services/a/rules or correct the name',
      '',
      '3 faults',
    ],
  },
  {
    situation: 'a filter that the machine would not take, or take for another',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'seccomp: { source: filter.json }'),
      'system-services/a/filter.json': `{
  "defaultAction": "SCMP_ACT_ALOW",
  "syscalls": [
    {
      "names": ["ioctl"],
      "action": "SCMP_ACT_ERRNO",
      "args": [{ "index": 1, "value": 18446744073709551615, "op": "SCMP_CMP_EQ" }]
    }
  ]
}
`,
    },
    says: [
      'system-services/a/filter.json:2:20: Cannot use "SCMP_ACT_ALOW" for "defaultAction": expected one of SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, SCMP_ACT_KILL, SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_THREAD, SCMP_ACT_LOG, SCMP_ACT_TRACE, SCMP_ACT_TRAP  [VALUE_INVALID]',
      '  2 |   "defaultAction": "SCMP_ACT_ALOW",',
      '    |                    ^',
      'hint: did you mean "SCMP_ACT_ALLOW"?',
      '',
      'system-services/a/filter.json:7:39: Cannot use 18446744073709552000 for "value": expected a number of at most 9007199254740991  [VALUE_INVALID]',
      '  7 |       "args": [{ "index": 1, "value": 18446744073709551615, "op": "SCMP_CMP_EQ" }]',
      '    |                                       ^',
      'hint: compare the lower bits that matter, by SCMP_CMP_MASKED_EQ',
      '',
      '2 faults',
    ],
  },
  {
    situation: 'more memory reserved than it may use',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'resources: { memory: 4MiB, reserve: 16MiB }'),
    },
    says: [
      'system-services/a/service.yaml:4:37: Cannot keep 16.0 MiB for "a": it may use 4.0 MiB at most  [SERVICE_CONTRADICTORY]',
      '  4 | resources: { memory: 4MiB, reserve: 16MiB }',
      '    |                                     ^',
      'hint: raise "memory", or reserve no more than that',
    ],
  },
  {
    situation: 'a port without its protocol',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText(
        'a',
        'ports: [22, "70000/tcp", "{{values.port}}/udp"]',
        'values: { port: ssh }',
        'namespaces: { network: machine }',
      ),
    },
    says: [
      'system-services/a/service.yaml:4:9: Cannot use 22 for an entry of "ports": expected text  [PORT_INVALID]',
      '  4 | ports: [22, "70000/tcp", "{{values.port}}/udp"]',
      '    |         ^',
      'hint: write a number and the protocol: 22/tcp',
      '',
      'system-services/a/service.yaml:4:13: Cannot use "70000/tcp" as a port  [PORT_INVALID]',
      '  4 | ports: [22, "70000/tcp", "{{values.port}}/udp"]',
      '    |             ^',
      'hint: write a number from 1 to 65535 and the protocol: 22/tcp or 123/udp',
      '',
      'system-services/a/service.yaml:4:26: Cannot use "ssh/udp" as a port  [PORT_INVALID]',
      '  4 | ports: [22, "70000/tcp", "{{values.port}}/udp"]',
      '    |                          ^',
      'hint: write a number from 1 to 65535 and the protocol: 22/tcp or 123/udp',
      '',
      '3 faults',
    ],
  },
  {
    situation: 'ports that are not numbers',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText(
        'a',
        'ports: ["70000/tcp", "{{values.port}}/udp"]',
        'values: { port: ssh }',
        'namespaces: { network: machine }',
      ),
    },
    says: [
      'system-services/a/service.yaml:4:9: Cannot use "70000/tcp" as a port  [PORT_INVALID]',
      '  4 | ports: ["70000/tcp", "{{values.port}}/udp"]',
      '    |         ^',
      'hint: write a number from 1 to 65535 and the protocol: 22/tcp or 123/udp',
      '',
      'system-services/a/service.yaml:4:22: Cannot use "ssh/udp" as a port  [PORT_INVALID]',
      '  4 | ports: ["70000/tcp", "{{values.port}}/udp"]',
      '    |                      ^',
      'hint: write a number from 1 to 65535 and the protocol: 22/tcp or 123/udp',
      '',
      '2 faults',
    ],
  },
  {
    situation: 'ports in a network of its own',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'ports: [22/tcp]'),
    },
    says: [
      'system-services/a/service.yaml:4:8: Cannot open ports of "a": its network is its own and leads nowhere  [PORT_UNREACHABLE]',
      '  4 | ports: [22/tcp]',
      '    |        ^',
      'hint: add "namespaces: { network: machine }", or remove the ports',
    ],
  },
  {
    situation: 'a port of two services',
    files: {
      [recipe]: recipeText('mine', 'services: [a, b]'),
      [service]: serviceText('a', 'ports: [22/tcp]', 'namespaces: { network: machine }'),
      'system-services/b/service.yaml': serviceText(
        'b',
        'ports: [22/udp, 22/tcp]',
        'namespaces: { network: machine }',
      ),
    },
    says: [
      'system-services/b/service.yaml:4:8: Cannot open port 22/tcp for "b": "a" has it  [PORT_DUPLICATE]',
      '  4 | ports: [22/udp, 22/tcp]',
      '    |        ^',
      'hint: give one of them another port, by "values" in the recipe where the service has a value for it',
    ],
  },
  {
    situation: 'a port twice',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'ports: [22/tcp, 22/tcp]', 'namespaces: { network: machine }'),
    },
    says: [
      'system-services/a/service.yaml:4:8: Cannot open port 22/tcp twice in "a"  [PORT_DUPLICATE]',
      '  4 | ports: [22/tcp, 22/tcp]',
      '    |        ^',
      'hint: give one of them another port, by "values" in the recipe where the service has a value for it',
    ],
  },
  {
    situation: 'a service that is needed and missing',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'needs: [b, nettwork]'),
      'system-services/b/service.yaml': serviceText('b'),
      'system-services/network/service.yaml': serviceText('network'),
    },
    says: [
      'system-services/a/service.yaml:4:9: Cannot start "a" without "b", which the recipe does not have  [SERVICE_NEEDED_MISSING]',
      '  4 | needs: [b, nettwork]',
      '    |         ^',
      'hint: add "b" to the services of the recipe',
      '',
      'system-services/a/service.yaml:4:12: Cannot start "a" without "nettwork", which the recipe does not have  [SERVICE_NEEDED_MISSING]',
      '  4 | needs: [b, nettwork]',
      '    |            ^',
      'hint: did you mean "network"?',
      '',
      '2 faults',
    ],
  },
  {
    situation: 'a service that starts after none',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'after: [c]'),
    },
    says: [
      'system-services/a/service.yaml:4:9: Cannot start "a" after "c": there is no such service  [SERVICE_UNKNOWN]',
      '  4 | after: [c]',
      '    |         ^',
      'hint: use one of the services: a',
    ],
  },
  {
    situation: 'services that wait for each other',
    files: {
      [recipe]: recipeText('mine', 'services: [a, b, c]'),
      [service]: serviceText('a', 'needs: [b]'),
      'system-services/b/service.yaml': serviceText('b', 'after: [c]'),
      'system-services/c/service.yaml': serviceText('c', 'needs: [a]'),
    },
    says: [
      'system-services/a/service.yaml:4:9: Cannot find an order to start in: a → b → c → a (each waits for the next)  [SERVICE_CYCLE]',
      '  4 | needs: [b]',
      '    |         ^',
      'hint: remove one of these from "needs" or "after"',
    ],
  },
  {
    situation: 'waiting for the health of a service that has no check',
    files: {
      [recipe]: recipeText('mine', 'services: [a, b]'),
      [service]: serviceText('a', 'needs: [{ name: b, condition: healthy }]'),
      'system-services/b/service.yaml': serviceText('b', ''),
    },
    says: [
      'system-services/a/service.yaml:4:31: Cannot start "a" when "b" is healthy: that has no health check  [HEALTH_CHECK_MISSING]',
      '  4 | needs: [{ name: b, condition: healthy }]',
      '    |                               ^',
      'hint: give "b" a "health", or write "condition: ready"',
    ],
  },
  {
    situation: 'a service with the name of something that PID 1 runs',
    files: {
      [recipe]: recipeText('mine', 'services: [power-button]'),
      'system-services/power-button/service.yaml': serviceText('power-button', ''),
    },
    says: [
      'system-services/power-button/service.yaml:1:7: Cannot call a service "power-button": the machine\'s own supervision has something of that name  [SERVICE_NAME_TAKEN]',
      '  1 | name: power-button',
      '    |       ^',
      'hint: choose another name',
    ],
  },
  {
    situation: 'a service that waits for itself',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'needs: [a]'),
    },
    says: [
      'system-services/a/service.yaml:4:8: Cannot start "a": it waits for itself  [SERVICE_CYCLE]',
      '  4 | needs: [a]',
      '    |        ^',
      'hint: remove its own name',
    ],
  },
  {
    situation: 'a restart by exit code, where there is none',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'readiness: notify', 'restart: { policy: on-failure }'),
    },
    says: [
      'system-services/a/service.yaml:5:20: Cannot restart "on-failure": how a service ends is not known with "readiness: notify"  [SERVICE_CONTRADICTORY]',
      '  5 | restart: { policy: on-failure }',
      '    |                    ^',
      'hint: write "policy: always", or remove what stands against it',
    ],
  },
  {
    situation: 'a restart by exit code, beside the processes of the machine',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'namespaces: { pid: machine }', 'restart: { policy: never }'),
    },
    says: [
      'system-services/a/service.yaml:5:20: Cannot restart "never": how a service ends is not known in the process namespace of the machine  [SERVICE_CONTRADICTORY]',
      '  5 | restart: { policy: never }',
      '    |                    ^',
      'hint: write "policy: always", or remove what stands against it',
    ],
  },
  {
    situation: 'a condition of what is restarted always',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'condition: { fileNotEmpty: /run/wanted }'),
    },
    says: [
      'system-services/a/service.yaml:4:12: Cannot start by a condition what is restarted always: it could never be done  [SERVICE_CONTRADICTORY]',
      '  4 | condition: { fileNotEmpty: /run/wanted }',
      '    |            ^',
      'hint: write "restart: { policy: on-failure }", which also means that it is done when it ends well',
    ],
  },
  {
    situation: 'a one-shot that is never finished',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'type: one-shot', 'readiness: notify', 'restart: { policy: always }'),
    },
    says: [
      'system-services/a/service.yaml:5:12: Cannot wait until a one-shot is "notify"  [SERVICE_CONTRADICTORY]',
      '  5 | readiness: notify',
      '    |            ^',
      'hint: a one-shot is ready when it has ended well: write "readiness: finished" or leave it out',
      '',
      'system-services/a/service.yaml:6:20: Cannot restart a one-shot always: it would never be finished  [SERVICE_CONTRADICTORY]',
      '  6 | restart: { policy: always }',
      '    |                    ^',
      'hint: write "on-failure" or "never"',
      '',
      '2 faults',
    ],
  },
  {
    situation: 'a long-running service that is finished',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'readiness: finished'),
    },
    says: [
      'system-services/a/service.yaml:4:12: Cannot wait until a long-running service is "finished"  [SERVICE_CONTRADICTORY]',
      '  4 | readiness: finished',
      '    |            ^',
      'hint: write "readiness: started" or "notify", or "type: one-shot"',
    ],
  },
  {
    situation: 'unknown names in templates',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText(
        'a',
        'environment: { A: "{{port}}", B: "{{values.prot}}", C: "{{#if values.x}}{{/if}}" }',
        'values: { port: 1 }',
      ),
    },
    says: [
      'system-services/a/service.yaml:4:19: Cannot fill in the template: there is no "port"  [TEMPLATE_INVALID]',
      '  4 | environment: { A: "{{port}}", B: "{{values.prot}}", C: "{{#if values.x}}{{/if}}" }',
      '    |                   ^',
      'hint: did you mean "values.port"?',
      '',
      'system-services/a/service.yaml:4:34: Cannot fill in the template: there is no "values.prot"  [TEMPLATE_INVALID]',
      '  4 | environment: { A: "{{port}}", B: "{{values.prot}}", C: "{{#if values.x}}{{/if}}" }',
      '    |                                  ^',
      'hint: did you mean "values.port"?',
      '',
      'system-services/a/service.yaml:4:56: Cannot fill in the template: there is no "values.x"  [TEMPLATE_INVALID]',
      '  4 | environment: { A: "{{port}}", B: "{{values.prot}}", C: "{{#if values.x}}{{/if}}" }',
      '    |                                                        ^',
      'hint: use one of the names: recipe.architecture, recipe.description, recipe.hostname, recipe.name, recipe.suites, recipe.version, service.description, service.name, values.port',
      '',
      '3 faults',
    ],
  },
  {
    situation: 'a template that is not written well',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'environment: { A: "{{#if values.port}}" }', 'values: { port: 1 }'),
    },
    says: [
      'system-services/a/service.yaml:4:19: Cannot fill in the template: it is not written well  [TEMPLATE_INVALID]',
      '  4 | environment: { A: "{{#if values.port}}" }',
      '    |                   ^',
      'hint: check the braces and names: {{values.port}}, {{recipe.name}}, {{#if values.x}}…{{/if}}',
    ],
  },
  {
    situation: 'a template file with an unknown name',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText('a', 'files: [{ path: /etc/a, source: a.hbs }]', 'values: { port: 1 }'),
      'system-services/a/a.hbs': 'first\nport {{values.prot}}\n',
    },
    says: [
      'system-services/a/a.hbs:2:8: Cannot fill in the template: there is no "values.prot"  [TEMPLATE_INVALID]',
      '  2 | port {{values.prot}}',
      '    |        ^',
      'hint: did you mean "values.port"?',
    ],
  },
  {
    situation: 'two owners of a path in a container',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText(
        'a',
        'layers: [base]',
        'files:',
        '  - /etc/a.conf',
        '  - { path: /etc/a.conf, content: x }',
        '  - { path: /etc/base, content: x }',
        'writable: [/data]',
        'temporary: [/data]',
        'mounts: [{ source: /etc/a.conf }]',
      ),
      'rootfs/layers/base/layer.yaml':
        'name: base\ndescription: Base\nfiles: [{ path: /etc/base, content: d }]\n',
    },
    says: [
      'system-services/a/service.yaml:7:5: Cannot decide what is at /etc/a.conf: the packages of the service and the service "a" both do  [PATH_CLAIMED_TWICE]',
      '  7 |   - { path: /etc/a.conf, content: x }',
      '    |     ^',
      'hint: keep one of the two',
      '',
      'system-services/a/service.yaml:10:12: Cannot decide what is at /data: "writable" and "temporary" both do  [PATH_CLAIMED_TWICE]',
      '  10 | temporary: [/data]',
      '     |            ^',
      'hint: keep one of the two',
      '',
      'system-services/a/service.yaml:11:10: Cannot decide what is at /etc/a.conf: its files and a mount both do  [PATH_CLAIMED_TWICE]',
      '  11 | mounts: [{ source: /etc/a.conf }]',
      '     |          ^',
      'hint: keep one of the two',
      '',
      'rootfs/layers/base/layer.yaml:3:9: Cannot decide what is at /etc/base: the service "a" and the layer "base" both do  [PATH_CLAIMED_TWICE]',
      '  3 | files: [{ path: /etc/base, content: d }]',
      '    |         ^',
      'hint: keep one of the two',
      '',
      '4 faults',
    ],
  },
  {
    situation: 'files where nobody would see them',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText(
        'a',
        'files:',
        '  - { path: /tmp/x, content: x }',
        '  - { path: /data/x/y, content: x }',
        '  - { path: /data, folder: true }',
        'mounts: [{ source: /data/x }]',
      ),
    },
    says: [
      'system-services/a/service.yaml:5:5: Cannot put anything at /tmp/x: something else is mounted at /tmp  [PATH_HIDDEN]',
      '  5 |   - { path: /tmp/x, content: x }',
      '    |     ^',
      'hint: choose a path that is part of the root, such as one below /etc, /srv or /usr/lib',
      '',
      'system-services/a/service.yaml:6:5: Cannot put anything at /data/x/y: something else is mounted at /data/x  [PATH_HIDDEN]',
      '  6 |   - { path: /data/x/y, content: x }',
      '    |     ^',
      'hint: choose a path that is part of the root, such as one below /etc, /srv or /usr/lib',
      '',
      '2 faults',
    ],
  },
  {
    situation: 'accounts that clash',
    files: {
      [recipe]: recipeText('mine', 'services: [a, b]', 'users: [{ name: c }]'),
      [service]: serviceText('a', 'accounts: [{ name: x, uid: 90 }, { name: c, uid: 91 }]'),
      'system-services/b/service.yaml': serviceText(
        'b',
        'accounts: [{ name: x, uid: 91 }, { name: y, uid: 90 }]',
      ),
    },
    says: [
      'system-services/a/service.yaml:4:11: Cannot make the account "c" of "a": another account has that name  [ACCOUNT_DUPLICATE]',
      '  4 | accounts: [{ name: x, uid: 90 }, { name: c, uid: 91 }]',
      '    |           ^',
      'hint: give it a name and a uid of its own',
      '',
      'system-services/b/service.yaml:4:11: Cannot make the account "x" of "b": another account has that name  [ACCOUNT_DUPLICATE]',
      '  4 | accounts: [{ name: x, uid: 91 }, { name: y, uid: 90 }]',
      '    |           ^',
      'hint: give it a name and a uid of its own',
      '',
      'system-services/b/service.yaml:4:11: Cannot make the account "y" of "b": "x" has the uid 90  [ACCOUNT_DUPLICATE]',
      '  4 | accounts: [{ name: x, uid: 91 }, { name: y, uid: 90 }]',
      '    |           ^',
      'hint: give it a name and a uid of its own',
      '',
      '3 faults',
    ],
  },
  {
    situation: 'a layer that is named otherwise',
    files: {
      [recipe]: recipeText('mine'),
      'rootfs/layers/base/layer.yaml': 'name: ground\ndescription: Base\n',
    },
    says: [
      'rootfs/layers/base/layer.yaml:1:7: Cannot use the layer "ground" from a folder named "base"  [LAYER_MISNAMED]',
      '  1 | name: ground',
      '    |       ^',
      'hint: give the folder and the layer the same name',
    ],
  },
  {
    situation: 'numbers outside of their range',
    files: {
      [recipe]: recipeText('mine', 'services: [a]'),
      [service]: serviceText(
        'a',
        'resources: { memory: 0MiB, pids: 0, cpuWeight: 20000 }',
        'stop: { signal: TERMINATE }',
      ),
    },
    says: [
      'system-services/a/service.yaml:4:22: Cannot use "0MiB" for "memory": expected a size such as 64MiB  [SIZE_INVALID]',
      '  4 | resources: { memory: 0MiB, pids: 0, cpuWeight: 20000 }',
      '    |                      ^',
      'hint: write a whole number and KiB, MiB, GiB or TiB',
      '',
      'system-services/a/service.yaml:4:34: Cannot use 0 for "pids": expected a number of at least 1  [VALUE_INVALID]',
      '  4 | resources: { memory: 0MiB, pids: 0, cpuWeight: 20000 }',
      '    |                                  ^',
      '',
      'system-services/a/service.yaml:4:48: Cannot use 20000 for "cpuWeight": expected a number of at most 10000  [VALUE_INVALID]',
      '  4 | resources: { memory: 0MiB, pids: 0, cpuWeight: 20000 }',
      '    |                                                ^',
      '',
      'system-services/a/service.yaml:5:17: Cannot use "TERMINATE" for "signal": expected a signal such as SIGTERM  [VALUE_INVALID]',
      '  5 | stop: { signal: TERMINATE }',
      '    |                 ^',
      'hint: use one of the values: HUP, INT, KILL, PWR, QUIT, SIGHUP, SIGINT, SIGKILL, SIGPWR, SIGQUIT, SIGTERM, SIGUSR1, …',
      '',
      '4 faults',
    ],
  },
];

test.each(situations)('$situation', async ({ files, says }) => {
  expect((await renderFaults(files)).split('\n')).toEqual(says);
});

test('the names of PID 1 are those in its configuration', async () => {
  const files = ['base/files/10-start', 'updates/files/20-health-gate', 'updates/files/20-workloads'];
  const texts = await Promise.all(
    files.map((file) => readFile(new URL(`../../rootfs/layers/${file}.conf`, import.meta.url), 'utf8')),
  );
  const names = texts.flatMap((text) => [...text.matchAll(/ name:(\S+)/g)].map(([, name]) => name));
  expect(names).toEqual([...machineStanzas]);
});
