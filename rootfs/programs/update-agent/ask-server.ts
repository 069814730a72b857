import type { Device } from '../device.ts';
import { updatePaths } from '../shared/update/update-record.ts';
import type { FailureOutcome } from './explain-failure.ts';

/** squashfs, as a bundle begins. */
const magic = 'hsqs';
const answerSeconds = 30;

/**
 * One small request before RAUC makes many: RAUC waits without end for a server that says nothing, and what it makes of one
 * that does not know ranges tells nobody anything. `undefined`: the server answers as it should.
 *
 * `sizeBytes`: what the channel says of the bundle.
 */
export function askServer(
  device: Device,
  url: string,
  sizeBytes: number | undefined,
): FailureOutcome | undefined {
  const file = `${updatePaths.runtime}/answer-of-server`;
  device.remove(file);
  const { exitCode, stdout, stderr } = device.run([
    ...['curl', '--silent', '--show-error', '--location', '--max-redirs', '8', '--proto', '=http,https'],
    ...['--connect-timeout', '20', '--max-time', String(answerSeconds), '--range', '0-3'],
    // A server that does not know ranges sends all of it.
    ...['--max-filesize', '4096', '--output', file],
    ...['--write-out', '%{http_code} %header{content-range}', url],
  ]);
  const [status = '', ...rest] = stdout.trim().split(' ');
  const failed = (code: string, message: string): FailureOutcome => ({ kind: 'failed', code, message });
  if (status === '200' || (exitCode === 63 && status !== '206')) {
    return failed('SERVER_WITHOUT_RANGES', 'the server sends the whole file when asked for a part of it');
  }
  // curl(1): 28 is a time-out.
  if (exitCode === 28) return failed('SERVER_STALLED', `the server gave no answer in ${answerSeconds} s`);
  if (exitCode !== 0) return failed('SERVER_UNREACHABLE', stderr.trim() || `curl ended with ${exitCode}`);
  if (status !== '206') return failed('SERVER_REFUSED', `the server answered ${status}`);
  const [, first, total] = /^bytes (\d+)-3\/(\d+)$/.exec(rest.join(' ')) ?? [];
  if (first !== '0' || total === undefined) {
    return failed(
      'SERVER_WITHOUT_RANGES',
      `asked for bytes 0-3, the server sends "${rest.join(' ') || 'no range'}"`,
    );
  }
  if (sizeBytes !== undefined && Number(total) !== sizeBytes) {
    return {
      kind: 'refused',
      code: 'BUNDLE_FOREIGN',
      message: `the server's file has ${total} bytes, and the channel says ${sizeBytes}`,
    };
  }
  return device.readFile(file)?.startsWith(magic) === true
    ? undefined
    : { kind: 'refused', code: 'BUNDLE_DAMAGED', message: 'it does not begin as a bundle' };
}
