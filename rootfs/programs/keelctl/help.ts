import type { KeelctlCommand } from './command.ts';

export function makeHelp(commands: readonly KeelctlCommand[]): readonly string[] {
  const shown = commands.filter(({ audience }) => audience === 'people');
  const width = Math.min(Math.max(...shown.map(({ usage }) => usage.length)), 42);
  return [
    'keelctl: the system services of this machine, each a container',
    '',
    ...shown.map(({ usage, summary }) => `  keelctl ${usage.padEnd(width)}  ${summary}`),
    '',
    'With --json the answer is JSON. Exit codes: 0 done, 1 it did not work, 2 wrong command line.',
    '`keelctl COMMAND --help` tells its options, with examples.',
    '',
    'Examples:',
    '  keelctl ps',
    '  keelctl logs -f sshd',
    '  keelctl why network',
    '  keelctl exec network ip route',
    '  keelctl shell time',
    '  keelctl status --json',
  ];
}

export function makeCommandHelp({
  usage,
  summary,
  options = {},
  examples = [],
}: KeelctlCommand): readonly string[] {
  const described = Object.entries(options).map(([name, option]) => ({
    words: `${option.short === undefined ? '    ' : `${option.short}, `}--${name}${option.value === undefined ? '' : ` ${option.value}`}`,
    summary: option.summary,
  }));
  const width = Math.max(0, ...described.map(({ words }) => words.length));
  return [
    `keelctl ${usage}`,
    `  ${summary}`,
    ...(described.length === 0
      ? []
      : ['', ...described.map((each) => `  ${each.words.padEnd(width)}  ${each.summary}`)]),
    ...(examples.length === 0 ? [] : ['', 'Examples:', ...examples.map((example) => `  keelctl ${example}`)]),
  ];
}
