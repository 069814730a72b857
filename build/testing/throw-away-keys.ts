import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Workshop } from '../tools/workshop.ts';
import type { BundleSigner } from '../update/update-bundle.ts';

export interface ThrowAwayKeys {
  signer(leaf: string): BundleSigner;
}

/** Keys in a folder for tests: two roots, and leaves that the first one signed for different ends. */
export async function makeThrowAwayKeys(
  workshop: Pick<Workshop, 'openTools'>,
  folder: string,
): Promise<ThrowAwayKeys> {
  const file = (name: string) => join(folder, name);
  const openssl = async (...commandLine: string[]) => {
    const tools = await workshop.openTools('update');
    await tools.run({
      file: '/usr/bin/openssl',
      arguments: commandLine,
      writable: [folder],
      workingFolder: folder,
    });
  };
  await writeFile(
    file('openssl.cnf'),
    [
      '[req]\ndistinguished_name=name\n[name]\n[ca]\ndefault_ca=ca',
      `[ca]\ndatabase=${file('index.txt')}\ndefault_md=sha256\ndefault_crl_days=30\ncrlnumber=${file('crlnumber')}`,
      '[root]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign',
      '[code]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning',
      '[mail]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\n',
    ].join('\n'),
  );
  await writeFile(file('index.txt'), '');
  await writeFile(file('crlnumber'), '01\n');
  const configuration = ['-config', file('openssl.cnf')];
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  for (const root of ['root', 'foreign'])
    await openssl(
      'req',
      ...configuration,
      '-x509',
      ...newKey,
      '-subj',
      `/CN=${root}`,
      '-extensions',
      'root',
      '-days',
      '100',
      '-keyout',
      `${root}.key`,
      '-out',
      `${root}.pem`,
    );
  for (const [leaf, usage, validity] of [
    ['leaf', 'code', ['-days', '50']],
    ['mail', 'mail', ['-days', '50']],
    ['expired', 'code', ['-not_before', '20200101000000Z', '-not_after', '20210101000000Z']],
  ] as const)
    await openssl(
      'req',
      ...configuration,
      '-x509',
      ...newKey,
      '-subj',
      `/CN=${leaf}`,
      '-extensions',
      usage,
      ...validity,
      '-CA',
      'root.pem',
      '-CAkey',
      'root.key',
      '-keyout',
      `${leaf}.key`,
      '-out',
      `${leaf}.pem`,
    );
  const authority = ['ca', ...configuration, '-cert', 'root.pem', '-keyfile', 'root.key'];
  await openssl(...authority, '-gencrl', '-out', 'nothing.crl');
  await openssl(...authority, '-revoke', 'leaf.pem');
  await openssl(...authority, '-gencrl', '-out', 'revoked.crl');
  return {
    signer: (leaf) => async (content) => {
      await writeFile(file('content'), content);
      await openssl(
        'cms',
        '-sign',
        '-nodetach',
        '-binary',
        '-outform',
        'DER',
        '-in',
        'content',
        '-signer',
        `${leaf}.pem`,
        '-inkey',
        `${leaf}.key`,
        '-out',
        'signature',
      );
      return readFile(file('signature'));
    },
  };
}
