import { KeelsonError } from '../errors/keelson-error.ts';
import type { BuildHost, CommandResult, RunOptions } from '../host/build-host.ts';
import type { ToolCommand, ToolsTree } from './tools-tree.ts';

/** Lines of output that a failure shows. */
const shownLines = 15;

/** Runs a tool to its end; TOOL_FAILED when its exit code is not 0. */
export async function runTool(
  host: BuildHost,
  command: ToolCommand,
  { file, arguments: argumentList, environment }: ReturnType<ToolsTree['commandLine']>,
  options?: RunOptions,
): Promise<CommandResult> {
  const result = await host.run({ file, arguments: argumentList, environment }, options);
  if (result.exitCode === 0) return result;
  if (/^isolate\.sh: cannot|(^|\/)unshare: /m.test(result.stderr)) throw isolationError(host, result);
  throw toolError(command, result);
}

function toolError(command: ToolCommand, { exitCode, stdout, stderr }: CommandResult): KeelsonError {
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
  return new KeelsonError({
    code: 'TOOL_FAILED',
    class: 'environment',
    message: [
      `Cannot run ${[command.file, ...command.arguments].join(' ').slice(0, 300)}: exit code ${exitCode}`,
      ...lines.slice(-shownLines).map((line) => `  ${line}`),
    ].join('\n'),
    hint: 'Its last lines of output say why; `keelson doctor` looks for the common reasons.',
  });
}

function isolationError(host: BuildHost, { stderr }: CommandResult): KeelsonError {
  return new KeelsonError({
    code: 'TOOLS_ISOLATION_UNAVAILABLE',
    class: 'environment',
    message: `Cannot isolate the tools on this computer: ${stderr.trim().split('\n').slice(0, 3).join('; ')}`,
    hint: host.isRoot
      ? 'In a container, allow mounts and namespaces (CAP_SYS_ADMIN), or build as an ordinary user. `keelson doctor` says more.'
      : 'Allow user namespaces for ordinary users, or build as root. `keelson doctor` says how.',
  });
}
