/** Numbers of linux/capability.h that a file may carry. */
const capabilityNumbers = {
  cap_chown: 0,
  cap_dac_override: 1,
  cap_dac_read_search: 2,
  cap_setgid: 6,
  cap_setuid: 7,
  cap_net_bind_service: 10,
  cap_net_admin: 12,
  cap_net_raw: 13,
  cap_sys_ptrace: 19,
  cap_sys_admin: 21,
  cap_sys_nice: 23,
  cap_sys_time: 25,
} as const;

/** `cap_net_raw,cap_net_admin=ep` as the kernel stores it: vfs_cap_data, revision 2 (linux/capability.h). */
export function encodeCapabilities(text: string): Buffer {
  const match = /^([a-z_,]+)[=+](e?)p$/.exec(text);
  if (match === null) throw new Error(`capabilities ${text} are not of the form cap_one,cap_two=ep`);
  let permitted = 0;
  for (const name of (match[1] as string).split(',')) {
    const number = capabilityNumbers[name as keyof typeof capabilityNumbers];
    if (number === undefined) throw new Error(`no file may carry the capability ${name}`);
    permitted |= 1 << number;
  }
  const bytes = Buffer.alloc(20);
  bytes.writeUInt32LE(0x0200_0000 | (match[2] === 'e' ? 1 : 0), 0);
  bytes.writeUInt32LE(permitted >>> 0, 4);
  return bytes;
}
