import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { trustedAuthorities } from '../host/trusted-authorities.ts';
import type { Workshop } from '../tools/workshop.ts';
import { imageError } from './image-error.ts';
import type { ImageRequest } from './image-request.ts';

/** What skopeo and cosign are given beside their arguments. */
export interface RegistryAccess {
  readonly environment: Readonly<Record<string, string>>;
  readonly readOnly: readonly string[];
}

const proxyVariables = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];

/** Where Docker and Podman look for a registry's authorities (`NAME/*.crt`). */
const authorityFolders = ['.config/containers/certs.d', '/etc/containers/certs.d', '/etc/docker/certs.d'];

/**
 * The user's ordinary credentials, bound read-only where the tools look for them (containers-auth.json(5)), and the authorities
 * that Node trusts (NODE_EXTRA_CA_CERTS among them), those of SSL_CERT_FILE, of `certs.d`, and of the recipe. `folder` is a
 * temporary one, for the authorities.
 */
export async function openRegistryAccess(
  { host }: Pick<Workshop, 'host'>,
  request: ImageRequest,
  folder: string,
): Promise<RegistryAccess> {
  const home = host.environmentVariable('HOME') || homedir();
  const authoritiesFile = join(folder, 'authorities.pem');
  await writeFile(authoritiesFile, await collectAuthorities(host, request, home));
  const variables = ['REGISTRY_AUTH_FILE', 'XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME', ...proxyVariables];
  const given = variables.flatMap((name) => {
    const value = host.environmentVariable(name);
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  return {
    environment: { HOME: home, ...Object.fromEntries(given), SSL_CERT_FILE: authoritiesFile },
    readOnly: [authoritiesFile, ...(await credentialFiles(host, request, home))],
  };
}

async function credentialFiles(
  host: Workshop['host'],
  request: ImageRequest,
  home: string,
): Promise<readonly string[]> {
  const named = host.environmentVariable('REGISTRY_AUTH_FILE') ?? '';
  if (named !== '') {
    if (isAbsolute(named) && (await isReadable(named))) return [named];
    throw imageError(request, {
      code: 'CREDENTIALS_UNREADABLE',
      class: 'environment',
      reason: `the credentials file ${named} of REGISTRY_AUTH_FILE cannot be read`,
      hint: 'Write its whole path, and make it readable; or remove the variable.',
    });
  }
  const runtime = host.environmentVariable('XDG_RUNTIME_DIR') ?? '';
  const config = host.environmentVariable('XDG_CONFIG_HOME') || join(home, '.config');
  const candidates = [
    runtime === '' ? '/run/containers/0/auth.json' : join(runtime, 'containers/auth.json'),
    join(config, 'containers/auth.json'),
    join(home, '.docker/config.json'),
  ];
  const found: string[] = [];
  for (const path of candidates) if (await isReadable(path)) found.push(path);
  return found;
}

async function collectAuthorities(
  host: Workshop['host'],
  { source, authorities }: ImageRequest,
  home: string,
): Promise<string> {
  const files = [host.environmentVariable('SSL_CERT_FILE'), authorities?.path];
  for (const name of authorityFolders) {
    if (source.kind !== 'registry') break;
    const folder = join(isAbsolute(name) ? name : join(home, name), source.registry);
    const names = await readdir(folder).catch(() => []);
    files.push(...names.filter((each) => each.endsWith('.crt')).map((each) => join(folder, each)));
  }
  const texts = files.map((file) => (file ? readFile(file, 'utf8').catch(() => '') : ''));
  return [...trustedAuthorities(), ...(await Promise.all(texts))].join('\n');
}

function isReadable(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
