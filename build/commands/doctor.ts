import { aptMirrors } from '../debian/mirrors.ts';
import { exitCodes } from '../errors/keelson-error.ts';
import { examineComputer, type Finding } from '../host/examine-computer.ts';
import { defaultStoreRoot } from '../store/open-store.ts';
import type { CommandContext } from './session.ts';

const marks = { good: 'ok  ', warning: 'warn', bad: 'BAD ' } as const satisfies Record<
  Finding['verdict'],
  string
>;

/** `keelson doctor`: exit code 0 when nothing stands in the way of a build, else that of a wrong environment. */
export async function runDoctorCommand(context: CommandContext): Promise<number> {
  const findings = await examineComputer(context.host, {
    storeRoot: defaultStoreRoot(context.host),
    mirrors: aptMirrors(context.host),
  });
  const isGood = findings.every((finding) => finding.verdict !== 'bad');
  if (context.isJson) context.writeOut(JSON.stringify({ type: 'doctor', isGood, findings }));
  else for (const line of findings.flatMap(describeFinding)) context.writeOut(line);
  return isGood ? 0 : exitCodes.environment;
}

function describeFinding(finding: Finding): string[] {
  const line = `${marks[finding.verdict]} ${finding.what}`;
  return finding.hint === undefined ? [line] : [line, `     hint: ${finding.hint}`];
}
