const keyTypes = new Set([
  'ssh-ed25519',
  'ssh-rsa',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
]);

/** What is wrong with a line of authorized_keys (sshd(8)); options before the key are not taken. */
export function findKeyProblem(line: string): { readonly reason: string; readonly hint: string } | undefined {
  const hint = 'paste one line of a .pub file, such as "ssh-ed25519 AAAA… name"';
  if (/\p{Cc}/u.test(line)) return { reason: 'it has more than one line', hint };
  const [type = '', blob = ''] = line.split(/ +/);
  if (!keyTypes.has(type))
    return { reason: `"${type.slice(0, 40)}" is not a type of key that sshd takes`, hint };
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(blob)) return { reason: 'what follows the type is not base64', hint };
  const bytes = Buffer.from(blob, 'base64');
  const length = bytes.length >= 4 ? bytes.readUInt32BE(0) : 0;
  const inner = bytes.subarray(4, 4 + length).toString('latin1');
  if (inner !== type) return { reason: 'its content is not of the type that it names, or cut off', hint };
  if (!hasWholeFields(bytes)) return { reason: 'it is cut off', hint };
  return undefined;
}

/** RFC 4253, 6.6: a sequence of strings, each with its length before it. */
function hasWholeFields(bytes: Buffer): boolean {
  let offset = 0;
  let fields = 0;
  while (offset + 4 <= bytes.length) {
    offset += 4 + bytes.readUInt32BE(offset);
    fields++;
  }
  return offset === bytes.length && fields >= 2;
}
