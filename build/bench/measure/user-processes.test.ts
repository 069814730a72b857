import { expect, test } from '@jest/globals';
import { userProcesses } from './user-processes.ts';

const stat = (pid: number, name: string, parent: number) =>
  `${pid} (${name}) S ${parent} ${pid} ${pid} 0 -1 0`;

test("the kernel's threads, the shell that looked and what it called are left out", () => {
  const lines = [
    stat(1, 'systemd', 0),
    stat(2, 'kthreadd', 0),
    stat(3, 'kworker/0:0', 2),
    stat(20, 'sshd', 1),
    stat(21, 'odd) name (x', 1),
    stat(30, 'sh', 1),
    stat(31, 'cat', 30),
    '',
  ];
  expect(userProcesses(lines.join('\n'), 30)).toEqual(['odd) name (x', 'sshd', 'systemd']);
});
