import { CommandFailed, type Invocation, type KeelctlCommand } from './command.ts';

/** The words after the command's name. Throws `CommandFailed` with code 2. */
export function parseInvocation(command: KeelctlCommand, words: readonly string[]): Invocation {
  const operands: string[] = [];
  const options = new Map<string, string>();
  let isJson = false;
  const rest = [...words];
  const belongsToProgram = () => command.hasProgram === true && operands.length > 0;
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (belongsToProgram() || !word.startsWith('-')) {
      operands.push(word);
    } else if (word === '--json') {
      isJson = true;
    } else {
      const [name, takesValue] = findOption(command, word);
      options.set(name, takesValue ? (rest.shift() ?? '') : '');
    }
  }
  const [least, most] = command.operands;
  if (operands.length < least || operands.length > most) {
    throw new CommandFailed(`It is used so: keelctl ${command.usage}`, 2);
  }
  return { operands, isJson, options };
}

function findOption(command: KeelctlCommand, word: string): readonly [string, boolean] {
  for (const [name, { short, value }] of Object.entries(command.options ?? {})) {
    if (word === `--${name}` || word === short) return [name, value !== undefined];
  }
  throw new CommandFailed(`There is no option ${word} here. It is used so: keelctl ${command.usage}`, 2);
}
