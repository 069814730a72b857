import type { Device } from '../device.ts';
import { readBootFile } from '../shared/boot-file.ts';
import { type Refusal, refusal } from '../shared/tuf/refusal.ts';
import { updatePaths } from '../shared/update/update-record.ts';

/** RAUC finds it out itself, but only when it has already given up what the slot held. */
export function judgeSize(device: Device): Refusal | undefined {
  const boot = readBootFile(device);
  const image = `${device.environmentVariable('RAUC_BUNDLE_MOUNT_POINT')}/${device.environmentVariable('RAUC_IMAGE_NAME_1')}`;
  const imageBytes = device.status(image)?.sizeBytes;
  const slot = device.readLink(`${updatePaths.runtime}/root-${boot?.slot === 'a' ? 'b' : 'a'}`);
  const slotName = slot?.slice('/dev/'.length);
  // Sectors of 512 bytes, whatever the disk's own are.
  const slotBytes = Number(device.readFile(`/sys/class/block/${slotName}/size`) ?? 'NaN') * 512;
  if (imageBytes === undefined || Number.isNaN(slotBytes) || imageBytes <= slotBytes) return undefined;
  return refusal('BUNDLE_TOO_LARGE', `its image has ${imageBytes} bytes, and the slot has ${slotBytes}`);
}
