import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Workshop } from '../../build/tools/workshop.ts';

/** An authority that vouches for one server alone: its certificate is the server's own. */
export interface TlsAuthority {
  /** PEM. */
  readonly certificate: string;
  readonly certificatePath: string;
  readonly keyPath: string;
}

export async function makeAuthority(
  workshop: Workshop,
  folder: string,
  serverAddress: string,
): Promise<TlsAuthority> {
  await mkdir(folder, { recursive: true });
  const certificatePath = join(folder, 'certificate.pem');
  const keyPath = join(folder, 'key.pem');
  const tools = await workshop.openTools('update');
  await tools.run({
    file: '/usr/bin/openssl',
    arguments: [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-days', '30', '-subj', '/CN=Test authority', '-addext', `subjectAltName=IP:${serverAddress}`],
      ...['-keyout', keyPath, '-out', certificatePath],
    ],
    writable: [folder],
  });
  return { certificate: (await readFile(certificatePath, 'utf8')).trim(), certificatePath, keyPath };
}
