import type { Device } from '../device.ts';
import {
  readJson,
  type UpdateAnswer,
  type UpdateRequest,
  updatePaths,
} from '../shared/update/update-record.ts';

/** What a person asked for, once. */
export function takeRequest(device: Device): UpdateRequest | undefined {
  const request = readJson<UpdateRequest>(device, updatePaths.request);
  device.remove(updatePaths.request);
  return request;
}

/** Gives the seconds until the next look. */
export function refuseRequest(device: Device, request: UpdateRequest, reason: string): number {
  answer(device, request, { isDone: true, isWell: false, message: reason, code: 'UPDATE_BUSY' });
  return 10;
}

export function answer(
  device: Device,
  request: Pick<UpdateRequest, 'id'> | undefined,
  words: Omit<UpdateAnswer, 'id'>,
): void {
  if (request === undefined) return;
  device.writeFile(`${updatePaths.answer}.new`, JSON.stringify({ id: request.id, ...words }), 0o600);
  device.rename(`${updatePaths.answer}.new`, updatePaths.answer);
}

/** Who asked for what was cut off still waits when only this container ended. */
export function answerWhoWaits(device: Device, message: string): void {
  const answered = readJson<UpdateAnswer>(device, updatePaths.answer);
  if (answered === undefined || answered.isDone) return;
  answer(device, answered, { isDone: true, isWell: false, message, code: 'INSTALL_INTERRUPTED' });
}
