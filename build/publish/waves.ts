import { type RolloutWave, wavesGrow, wholeShare } from '../contract/channel.ts';
import { KeelsonError } from '../errors/keelson-error.ts';

/** Everybody at once. */
export const oneWave: readonly RolloutWave[] = [{ sharePerMillion: wholeShare, startAfterSeconds: 0 }];

const unitSeconds = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const;

/** `7d`, `12h`, `0`: seconds; `undefined` when it is no duration. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^([0-9]{1,6})([smhdw])?$/.exec(text) ?? [];
  if (count === undefined || (unit === undefined && Number(count) !== 0)) return undefined;
  return Number(count) * unitSeconds[(unit ?? 's') as keyof typeof unitSeconds];
}

/** `1%@0,10%@1h,100%@1d`: by then, that share of the machines may take the release. */
export function parseWaves(text: string): readonly RolloutWave[] {
  const waves = text.split(',').map((part) => {
    const [, percent, after = ''] =
      /^\s*([0-9]{1,3}(?:\.[0-9]{1,4})?)%@([0-9]+[smhdw]?)\s*$/.exec(part) ?? [];
    const startAfterSeconds = parseDuration(after);
    const sharePerMillion = Math.round((Number(percent) * wholeShare) / 100);
    if (percent === undefined || startAfterSeconds === undefined || !(sharePerMillion >= 1)) {
      throw wavesInvalid(`"${part.trim()}" is not of the form 10%@1h`);
    }
    if (sharePerMillion > wholeShare) throw wavesInvalid(`${percent}% is more than all`);
    return { sharePerMillion, startAfterSeconds };
  });
  if (!wavesGrow(waves)) throw wavesInvalid('each wave must be larger and later than the one before');
  return waves;
}

function wavesInvalid(reason: string): KeelsonError {
  return new KeelsonError({
    code: 'WAVES_INVALID',
    class: 'input',
    message: `Cannot read the waves: ${reason}`,
    hint: 'Give shares and times since the start, such as 1%@0,10%@1h,100%@1d.',
  });
}
